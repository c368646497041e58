"""Parses the JSON object of one line, and picks the fields of a source from it.

What becomes of a line depends on nothing but the line: not on its neighbours, nor on how deep the stack is when it is
parsed. Values that Python's parser cannot hold, numbers of thousands of digits and very deep nesting, do not cost the
line unless its own fields hold them.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.json

from ...schemas.config.columns import is_column
from ...schemas.dataset.drop_detail import error_detail
from .batches import BadRow
from .files import printable
from .json_texts import json_text
from .text_blocks import without_marks

LONGEST_INT: Final = 4000  # digits; Python refuses to parse more than 4,300
DEEPEST: Final = 256  # levels of nesting; Python's parser fails at less than 1,000, depending on the stack
TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class _Repeated(dict[str, Any]):
    """An object in which keys occur more than once; it has the last value of each."""

    repeated: frozenset[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    found = _Repeated(values)
    found.repeated = frozenset(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    return found


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_INT else float(digits)


DECODER: Final = json.JSONDecoder(parse_int=_integer, object_pairs_hook=_object)


def parse_line(line: bytes, used: Collection[str]) -> dict[str, Any]:
    """Parse the JSON object of a line.

    Args:
        line: The line; byte order marks at its start are ignored.
        used: Keys that are read from the object.

    Returns:
        The object; in a value of more than 256 levels, the deepest are null.

    Raises:
        BadRow: The line is not valid, holds no object, or has one of the `used` keys more than once.
    """
    line = without_marks(line)
    try:
        value = DECODER.decode(_without_deepest(line).decode())
    except UnicodeDecodeError as error:
        raise BadRow("utf8_invalid", error_detail(error)) from None
    except (ValueError, RecursionError) as error:
        raise BadRow("json_invalid", error_detail(error)) from None
    if not isinstance(value, dict):
        raise BadRow("json_invalid", f"a {type(value).__name__}, not an object")
    if isinstance(value, _Repeated) and (twice := sorted(value.repeated.intersection(used))):
        raise BadRow("json_invalid", f"has the key {twice[0]!r} more than once")
    return value


def _without_deepest(line: bytes) -> bytes:
    """Replace what is nested too deeply by null; such a line is first checked by Arrow's parser, which is iterative.

    Raises:
        ValueError: A line of deep nesting is not valid JSON.
    """
    if line.count(b"[") + line.count(b"{") <= DEEPEST:
        return line
    pieces: list[bytes] = []
    depth = kept = 0
    for token in TOKEN.finditer(line):
        mark = token.group()
        if mark in b"[{":
            depth += 1
            if depth == DEEPEST + 1:
                pieces.append(line[kept : token.start()])
        elif mark in b"]}":
            if depth == DEEPEST + 1:
                pieces.append(b"null")
                kept = token.end()
            depth -= 1
    if not pieces:
        return line
    _require_valid(line)
    return b"".join([*pieces, line[kept:]])


def _require_valid(line: bytes) -> None:
    line.decode()
    try:
        parsed = pyarrow.json.read_json(
            pa.BufferReader(line),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(line) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema([("\0", pa.null())]), unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(str(error)) from None
    if len(parsed) != 1:
        raise ValueError(f"{len(parsed)} values in a line")


def pick_columns(values: Mapping[str, Any], fields: Mapping[str, tuple[str, ...]]) -> list[str | None]:
    """Return the columns to keep or to filter as JSON texts, in the order of `fields`; null where there is none."""
    return [json_text(values.get(names[0])) for field, names in fields.items() if is_column(field)]


def pick_license(values: dict[str, Any], columns: Iterable[str]) -> str | None:
    """Return the first of `columns` that exists and is not null, as JSON unless it is a string; else None."""
    value = next((values[column] for column in columns if values.get(column) is not None), None)
    return None if value is None else printable(value if isinstance(value, str) else json.dumps(value))
