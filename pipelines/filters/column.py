"""The filter on a column of the source: by number, by a list of values, by a regular expression.

Regular expressions are those of RE2 (https://github.com/google/re2/wiki/Syntax), whose time is linear in the text, so
none can make a run hang.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.columns import column_field
from ...schemas.config.filters.column import Column
from ...schemas.config.run import Limits
from ...schemas.dataset.layout import as_mask
from .text import RowsToDrop

NUMBER = r"^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$"
SHOWN = 60  # characters of a value in the ledger
# YAML 1.1 reads these words without quotes as true and false, and `no` is also a language
BOOLEANS = {True: ("true", "yes", "on"), False: ("false", "no", "off")}


def column(config: Column, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by a column; a row whose value is null, or no number where `min` or `max` needs one, is dropped."""
    values = table[column_field(config.column)]
    plain = plain_texts(values)
    problems: list[tuple[npt.NDArray[np.bool_], str]] = [(as_mask(values.is_null()), "no value")]
    if config.min is not None or config.max is not None:
        numbers = numbers_of(plain)
        problems.append((np.isnan(numbers), "{}, which is no number"))
        if config.min is not None:
            problems.append((numbers < config.min, f"{{}}, less than {config.min:g}"))
        if config.max is not None:
            problems.append((numbers > config.max, f"{{}}, more than {config.max:g}"))
    if config.among is not None:
        problems.append((~_is_among(plain, config.among), "{}, which is not in the list"))
    if config.matches is not None:
        found = pc.fill_null(pc.match_substring_regex(plain, config.matches), False)
        problems.append((~as_mask(found), "{}, which does not match"))
    for mask, detail in problems:
        for row in np.flatnonzero(mask).tolist():
            yield row, detail.format(str(plain[row].as_py())[:SHOWN])


def plain_texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return JSON texts without the quotes and escapes of strings; other values stay JSON."""
    is_text = pc.starts_with(values, '"')
    plain = pc.if_else(is_text, pc.utf8_slice_codeunits(values, 1, -1), values)
    escaped = np.flatnonzero(as_mask(pc.fill_null(pc.and_(is_text, pc.match_substring(values, "\\")), False)))
    if escaped.size:
        texts = plain.to_pylist()
        for row in escaped.tolist():
            texts[row] = json.loads(values[row].as_py())
        plain = pa.chunked_array([pa.array(texts, pa.string())])
    return plain


def numbers_of(plain: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return numbers, also those that a table holds as text; NaN where a value is none."""
    trimmed = pc.utf8_trim_whitespace(plain)
    is_number = pc.fill_null(pc.match_substring_regex(trimmed, NUMBER), False)
    numbers = pc.if_else(is_number, trimmed, pa.scalar(None, pa.string())).cast(pa.float64())
    found: npt.NDArray[np.float64] = pc.fill_null(numbers, np.nan).to_numpy()
    return found


def _is_among(plain: pa.ChunkedArray, wanted: tuple[Any, ...]) -> npt.NDArray[np.bool_]:
    words = [each for each in wanted if isinstance(each, str)]
    switches = [word for each in wanted if isinstance(each, bool) for word in BOOLEANS[each]]
    numbers = [float(each) for each in wanted if isinstance(each, int | float) and not isinstance(each, bool)]
    mask = as_mask(pc.is_in(plain, value_set=pa.array(words, pa.string())))
    mask |= as_mask(pc.is_in(pc.utf8_lower(plain), value_set=pa.array(switches, pa.string())))
    return mask | np.isin(numbers_of(plain), numbers)
