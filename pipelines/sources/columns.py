"""Extracts the fields of a source from the columns of an Arrow table, with the rows that fail."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.columns import is_column
from ...schemas.config.sources import Source
from ...schemas.errors import Refusal
from .base import Drop, RawBatch, field_type
from .json_texts import has_json, json_texts, printable_texts

CAST_BYTES = 1 << 30  # larger tables are divided before a cast, since the fields' types are limited to 2 GiB


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
    found = {}
    for name, wanted in source.fields.items():
        found[name] = tuple(column for column in wanted if column in schema.names)
        key = f"`sources.{source.name}.{name}` is {';'.join(wanted)!r}"
        key = key_of_column(source, wanted[0]) if is_column(name) else key
        if not found[name]:
            raise Refusal(f"{key}: {where} has no such column. Use one of: {', '.join(schema.names)}.")
        for column in found[name]:
            if not _usable(schema.field(column).type, name):
                needed = "strings" if name in STRINGS else "bytes, or structs with a `bytes` field"
                needed = "values that can be written as JSON" if is_column(name) else needed
                kind = schema.field(column).type
                raise Refusal(f"{key}: in {where} that column holds {kind}, but must hold {needed}. Use another.")
    return found


def key_of_column(source: Source, column: str) -> str:
    """Return where the run file names a column to keep or to filter, for error messages."""
    if column in source.keep:
        return f"`sources.{source.name}.keep` names {column!r}"
    return f"a filter of `filters` reads the column {column!r} of source `{source.name}`"


def _usable(kind: pa.DataType, name: str) -> bool:
    if is_column(name):
        return has_json(kind)
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
) -> Iterator[RawBatch]:
    """Extract the fields of a table.

    Reasons for drops: text_missing, image_missing, audio_missing, row_too_large, utf8_invalid.

    Args:
        rows: The table.
        columns: The result of `present_columns`.
        first: Number of the first row.
        longest: Maximum size of a value, in bytes.
        reasons: (n,) reason of rows that have already failed, or "".

    Yields:
        Batches with the good rows and the drops.
    """
    values = {
        name: json_texts(rows[names[0]]) if is_column(name) else _values(rows, names) for name, names in columns.items()
    }
    reasons = np.full(len(rows), "", object) if reasons is None else reasons
    for name, column in values.items():
        sizes = pc.fill_null(pc.binary_length(column), 0).to_numpy()
        if name != "license" and not is_column(name):
            _mark(reasons, column.is_null().to_numpy(), f"{name}_missing")
        _mark(reasons, sizes > longest, "row_too_large")
    _mark(reasons, _invalid_utf8(values["text"], reasons), "utf8_invalid")
    if "license" in values:
        values["license"] = printable_texts(values["license"])
    drops = [Drop(first + int(at), reasons[at]) for at in np.flatnonzero(reasons != "")]
    good = pa.array(reasons == "", pa.bool_())
    numbers = pa.chunked_array([pa.array(np.arange(first, first + len(rows)))])
    kept = pa.table({name: column.filter(good) for name, column in ({"row": numbers} | values).items()})
    yield from _narrowed(kept, drops)


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
        texts.cast(pa.large_string())
    except pa.ArrowInvalid:
        for at in np.flatnonzero(reasons == ""):
            try:
                texts[at].as_py().decode()
            except UnicodeDecodeError:
                bad[at] = True
    return bad


def _narrowed(rows: pa.Table, drops: list[Drop]) -> Iterator[RawBatch]:
    if rows.nbytes > CAST_BYTES and len(rows) > 1:
        middle = len(rows) // 2
        yield from _narrowed(rows.slice(0, middle), [])
        yield from _narrowed(rows.slice(middle), drops)
    else:
        yield RawBatch(rows.cast(pa.schema([(name, field_type(name)) for name in rows.column_names])), drops)
