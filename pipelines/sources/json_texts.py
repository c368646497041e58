"""Values of columns that are carried along or filtered, as JSON texts.

A column may hold strings in one file and numbers in the next, and sources with other columns are packed together, so
the values have no common Arrow type. As JSON texts they have one, and a value is the same whatever reads it: a whole
number has no fraction (1, not 1.0), a time is text, NaN and the infinities are null.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .column_types import is_bytes, is_text, storage_of, stored
from .files import printable

LARGEST_EXACT = 1 << 53  # from here on a double may stand for several whole numbers
SHORT_ESCAPES = (("\\", r"\\"), ('"', r"\""), ("\n", r"\n"), ("\r", r"\r"), ("\t", r"\t"))
OTHER_CONTROL = r"[\x00-\x1f]"


def json_text(value: Any) -> str | None:
    """Return a value of a parsed JSON object as JSON; None for null."""
    value = _plain(value)
    if isinstance(value, float):
        return str(_number_texts(pa.chunked_array([[value]]))[0])
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Make every part of a value valid JSON; a part that has no form in JSON becomes text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict):
        return {printable(str(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return printable(str(value))


def json_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as JSON texts, null where a value is null.

    Args:
        column: A column of any type that `has_json` allows.
    """
    column = stored(column)
    kind = column.type
    if is_bytes(kind):  # a dictionary of strings
        return _quoted(printable_texts(column.cast(pa.large_binary()))).cast(pa.string())
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.string())
    if pa.types.is_floating(kind):
        return _number_texts(column.cast(pa.float32()) if pa.types.is_float16(kind) else column)
    if is_text(kind):
        return _quoted(printable_texts(column.cast(pa.large_binary()))).cast(pa.string())
    if pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_timestamp(kind):
        return _quoted(column.cast(pa.string()))
    return pa.chunked_array([pa.array([json_text(value) for value in column.to_pylist()], pa.string())])


def _number_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return doubles or floats in as few digits as they need, whole numbers without fraction or exponent."""
    column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    whole = pc.and_(pc.equal(pc.trunc(column), column), pc.less(pc.abs(column), float(LARGEST_EXACT)))
    integers = pc.if_else(whole, column, pa.scalar(0.0, column.type)).cast(pa.int64())
    return pc.if_else(whole, integers.cast(pa.string()), column.cast(pa.string()))


def printable_texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert binaries to strings; bytes that are not valid UTF-8 become backslash escapes."""
    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        texts = [value and value.decode(errors="backslashreplace") for value in values.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])


def _quoted(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    escaped = texts
    for character, escape in SHORT_ESCAPES:
        escaped = pc.replace_substring(escaped, character, escape)
    mark, nothing = (pa.scalar(each, texts.type) for each in ('"', ""))
    quoted = pc.binary_join_element_wise(mark, escaped, mark, nothing)
    rare = np.flatnonzero(pc.fill_null(pc.match_substring_regex(escaped, OTHER_CONTROL), False).to_numpy())
    if rare.size:
        values = quoted.to_pylist()
        for at in rare.tolist():
            values[at] = json_text(texts[at].as_py())
        quoted = pa.chunked_array([pa.array(values, quoted.type)])
    return quoted


def has_json(kind: pa.DataType) -> bool:
    """True if values of a type can be written as JSON: not those with bytes in them."""
    kind = storage_of(kind)
    return not is_bytes(kind) and all(has_json(kind.field(number).type) for number in range(kind.num_fields))


def arrow_type(values: Iterable[Any]) -> pa.DataType | None:
    """Return the type in which Arrow reads a column of JSON lines, from its first value; None for a list or object.

    Args:
        values: Values of some of the lines; nulls say nothing.
    """
    first = next((value for value in values if value is not None), "")
    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    return types.get(type(first))


def is_exact(column: pa.ChunkedArray) -> bool:
    """True if no whole number of JSON lines has lost digits in a column that Arrow has read as doubles."""
    if not pa.types.is_floating(column.type):
        return True
    largest: float | None = pc.max(pc.abs(column)).as_py()
    return largest is None or largest < LARGEST_EXACT


def json_object(columns: Sequence[tuple[str, pa.ChunkedArray]]) -> pa.ChunkedArray:
    """Join columns of JSON texts to one JSON object a row, with null where a text is null.

    Args:
        columns: (name, texts) of each column, at least one.
    """
    parts: list[Any] = []
    for number, (name, texts) in enumerate(columns):
        key = json.dumps(printable(name), ensure_ascii=False)
        parts += [f"{', ' if number else '{'}{key}: ", pc.fill_null(texts, "null")]
    return pc.binary_join_element_wise(*parts, "}", "")
