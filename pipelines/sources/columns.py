"""From the columns of any Arrow table to a source's rows: which column to take, and what to make of its values."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.sources import Source
from ...schemas.errors import Refusal
from .base import ROW_FIELDS, Drop, RawBatch

CAST_BYTES = 1 << 30  # a column of more is cast in halves, since ROW_FIELDS' types end at 2 GiB an array


STRINGS = ("text", "license")  # the other fields are files


def present(schema: pa.Schema, source: Source, where: str) -> dict[str, tuple[str, ...]]:
    """The columns of `schema` that a source's fields draw on, in order of preference.

    Raises Refusal, naming `where` and the columns that are there, when a field has none or one of a type that cannot
    hold it.
    """
    found = {}
    for name, wanted in source.fields.items():
        found[name] = tuple(column for column in wanted if column in schema.names)
        key = f"`sources.{source.name}.{name}` is {';'.join(wanted)!r}"
        if not found[name]:
            raise Refusal(f"{key}: {where} has no such column. Take one of: {', '.join(schema.names)}.")
        for column in found[name]:
            if not _usable(schema.field(column).type, name):
                needed = "strings" if name in STRINGS else "bytes, or structs with a `bytes` field"
                kind = schema.field(column).type
                raise Refusal(f"{key}: in {where} that column holds {kind}, where {needed} are needed. Name another.")
    return found


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
) -> Iterator[RawBatch]:
    """The fields of `rows`, which are numbered from `first`, as batches with the rows that failed.

    `reasons` holds why a row has failed already, or "". More reasons: text_missing, image_missing, audio_missing,
    row_too_large, utf8_invalid.
    """
    values = {name: _values(rows, names) for name, names in columns.items()}
    reasons = np.full(len(rows), "", object) if reasons is None else reasons
    for name, column in values.items():
        sizes = pc.fill_null(pc.binary_length(column), 0).to_numpy()
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


def _printable(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same bytes where they are UTF-8, and otherwise with a backslash before those that are not."""
    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        texts = [value and value.decode(errors="backslashreplace") for value in values.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])


def _narrowed(rows: pa.Table, drops: list[Drop]) -> Iterator[RawBatch]:
    if rows.nbytes > CAST_BYTES and len(rows) > 1:
        half = len(rows) // 2
        yield from _narrowed(rows.slice(0, half), [])
        yield from _narrowed(rows.slice(half), drops)
    else:
        yield RawBatch(rows.cast(pa.schema([(name, ROW_FIELDS[name]) for name in rows.column_names])), drops)
