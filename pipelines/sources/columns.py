"""Extracts the fields of a source from the columns of an Arrow table, with the rows that fail."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.sources import Source
from ...schemas.errors import Refusal
from .base import ROW_FIELDS, TEXTS, Drop, RawBatch
from .batches import column_bytes
from .not_for_samples import ADDRESSES, refuse_interleaved
from .text_columns import first_texts, is_list, stored_column, text_lists, text_type

CAST_BYTES = 1 << 30  # larger tables are divided before a cast, since ROW_FIELDS' types are limited to 2 GiB


STRINGS = ("text", "license")  # the other fields are files


def present_columns(schema: pa.Schema, source: Source, where: str) -> dict[str, tuple[str, ...]]:
    """Select the columns of each field of a source.

    Args:
        schema: Schema of the table.
        source: The source.
        where: Name of the file, for error messages.

    Returns:
        Field -> existing columns, in order of preference.

    Raises:
        Refusal: A field has no column, or a column has the wrong type.
    """
    refuse_interleaved(schema.names, source, where)
    found = {}
    for name, wanted in source.fields.items():
        stored = {column: stored_column(column, schema.names) for column in wanted if name == "text"}
        found[name] = tuple(column for column in wanted if stored.get(column, column) in schema.names)
        key = f"`sources.{source.name}.{name}` is {';'.join(wanted)!r}"
        if not found[name]:
            raise Refusal(f"{key}: {where} has no such column. Use one of: {', '.join(schema.names)}.")
        for column in found[name]:
            kind = schema.field(stored.get(column, column)).type
            if name == "text" and (source.text_from is not None or stored[column] != column):
                usable = _usable(text_type(kind, column, stored[column]), name)
            else:
                usable = _usable(kind, name)
            if not usable:
                raise Refusal(f"{key}: in {where} that column holds {kind}, but must hold {_needed(kind, name)}")
    return found


def _needed(kind: pa.DataType, name: str) -> str:
    if name == "text" and is_list(kind):
        return "strings. Set `text_from` to `first`, `random`, `join` or `each` to use lists of strings."
    if name in STRINGS:
        return "strings. Use another."
    if is_list(kind):
        return "bytes, or structs with a `bytes` field, one a row: a sample has at most one image and one clip."
    if _usable(kind, "text"):
        return f"bytes, or structs with a `bytes` field. {ADDRESSES}"
    return "bytes, or structs with a `bytes` field. Use another."


def _usable(kind: pa.DataType, name: str) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if name not in STRINGS and pa.types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _usable(kind.field(place).type, name)
    binary = [pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary]
    text = [pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view]
    checks = [pa.types.is_null, *binary, *(text if name in STRINGS else [])]
    return any(check(kind) for check in checks)


def extract(
    rows: pa.Table,
    columns: dict[str, tuple[str, ...]],
    first: int,
    longest: int,
    reasons: npt.NDArray[np.object_] | None = None,
    text_from: str | None = None,
) -> Iterator[RawBatch]:
    """Extract the fields of a table.

    Reasons for drops: text_missing, image_missing, audio_missing, row_too_large, utf8_invalid.

    Args:
        rows: The table.
        columns: The result of `present_columns`.
        first: Number of the first row.
        longest: Maximum size of a value, in bytes.
        reasons: (n,) reason of rows that have already failed, or "".
        text_from: The key of the source; if it is set, the text of a row is a list.

    Yields:
        Batches with the good rows and the drops.
    """
    values = {name: _values(rows, names) for name, names in columns.items() if name != "text"}
    values["text"] = _texts(rows, columns["text"], text_from)
    values = {name: values[name] for name in columns}
    reasons = np.full(len(rows), "", object) if reasons is None else reasons
    for name, column in values.items():
        sizes = column_bytes(column)
        if name != "license":
            _mark(reasons, column.is_null().to_numpy(), f"{name}_missing")
        _mark(reasons, sizes > longest, "row_too_large")
    _mark(reasons, _invalid_utf8(values["text"], reasons), "utf8_invalid")
    if "license" in values:
        values["license"] = _printable(values["license"])
    drops = [Drop(first + int(at), reasons[at]) for at in np.flatnonzero(reasons != "")]
    good = pa.array(reasons == "", pa.bool_())
    numbers = pa.chunked_array([pa.array(np.arange(first, first + len(rows)))])
    kept = pa.table({name: column.filter(good) for name, column in ({"row": numbers} | values).items()})
    yield from _narrowed(kept, drops)


def _texts(rows: pa.Table, names: tuple[str, ...], text_from: str | None) -> pa.ChunkedArray:
    if text_from is None and all(stored_column(name, rows.column_names) == name for name in names):
        return _values(rows, names)
    lists = text_lists(rows, names)
    return pa.chunked_array([lists if text_from is not None else first_texts(lists)])


def _values(rows: pa.Table, names: tuple[str, ...]) -> pa.ChunkedArray:
    columns = []
    for name in names:
        column = rows[name]
        if pa.types.is_struct(column.type):
            column = pc.struct_field(column, "bytes")
        columns.append(column.cast(pa.large_binary()))
    return pc.coalesce(*columns)


def _mark(reasons: npt.NDArray[np.object_], bad: npt.NDArray[np.bool_], reason: str) -> None:
    reasons[bad & (reasons == "")] = reason


def _invalid_utf8(texts: pa.ChunkedArray, reasons: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    bad = np.zeros(len(texts), bool)
    try:
        texts.cast(pa.large_list(pa.large_string()) if is_list(texts.type) else pa.large_string())
    except pa.ArrowInvalid:
        for at in np.flatnonzero(reasons == ""):
            try:
                value = texts[at].as_py()
                for part in value if isinstance(value, list) else [value]:
                    part.decode()
            except UnicodeDecodeError:
                bad[at] = True
    return bad


def _printable(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert to strings; bytes that are not valid UTF-8 become backslash escapes."""
    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        texts = [value and value.decode(errors="backslashreplace") for value in values.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])


def _narrowed(rows: pa.Table, drops: list[Drop]) -> Iterator[RawBatch]:
    types = {name: TEXTS if is_list(rows[name].type) else ROW_FIELDS[name] for name in rows.column_names}
    if rows.nbytes > CAST_BYTES and len(rows) > 1:
        middle = len(rows) // 2
        yield from _narrowed(rows.slice(0, middle), [])
        yield from _narrowed(rows.slice(middle), drops)
    else:
        yield RawBatch(rows.cast(pa.schema(list(types.items()))), drops)
