"""Arrow types of columns: what they hold, in the words of an error message, and licences of any type as strings."""

import json
from typing import Final

import pyarrow as pa
import pyarrow.types as types

WORDS: Final = (
    (types.is_boolean, "true and false"),
    (types.is_integer, "whole numbers"),
    (types.is_floating, "numbers"),
    (types.is_decimal, "numbers"),
    (types.is_date, "dates"),
    (types.is_timestamp, "times"),
    (types.is_list, "lists"),
    (types.is_large_list, "lists"),
    (types.is_fixed_size_list, "lists"),
    (types.is_struct, "structs"),
    (types.is_map, "maps"),
)


def in_words(kind: pa.DataType) -> str:
    """Return what a column of a type holds, for an error message."""
    return next((f"{words} ({kind})" for check, words in WORDS if check(kind)), str(kind))


def storage_of(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of a dictionary or an extension type, and any other type as it is."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return kind.value_type if types.is_dictionary(kind) else kind


def stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column in the type of its values."""
    if isinstance(column.type, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        column = pa.chunked_array(chunks, column.type.storage_type)
    if types.is_dictionary(column.type):
        kind = storage_of(column.type)
        column = column.cast(pa.large_binary() if is_text(kind) or is_bytes(kind) else kind)
    return column


def is_text(kind: pa.DataType) -> bool:
    """True for strings of any layout."""
    return any(check(kind) for check in (types.is_string, types.is_large_string, types.is_string_view))


def is_bytes(kind: pa.DataType) -> bool:
    """True for binary values of any layout."""
    checks = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(check(kind) for check in checks)


def is_json(kind: pa.DataType) -> bool:
    """True for types whose values are written as JSON, because they are neither strings nor bytes."""
    if types.is_nested(kind):
        return all(_fits_in_json(storage_of(kind.field(number).type)) for number in range(kind.num_fields))
    return any(check(kind) for check in (types.is_boolean, types.is_integer, types.is_floating))


def _fits_in_json(kind: pa.DataType) -> bool:
    return bool(types.is_null(kind)) or is_text(kind) or is_json(kind)


def json_licenses(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return values of a column that `is_json` as JSON, as JSON lines have them; null where there is no licence."""
    return pa.chunked_array([pa.array([_json(value) for value in column], pa.large_string())])


def _json(value: pa.Scalar) -> str | None:
    try:
        return json.dumps(value.as_py()) if value.is_valid else None
    except UnicodeDecodeError:
        return None
