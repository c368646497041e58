"""From the columns of any Arrow table to a source's rows: which column to take, and what to make of its values."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.errors import Refusal
from ...schemas.sources import Source
from ...schemas.vocabulary import Modality
from .base import ROW_FIELDS, Batch, Drop

CAST_BYTES = 1 << 30  # a column of more is cast in halves, since ROW_FIELDS' types end at 2 GiB an array


def present(schema: pa.Schema, source: Source, where: str) -> dict[Modality, tuple[str, ...]]:
    """The columns of `schema` that a source's modalities draw on, in order of preference.

    Raises Refusal, naming `where` and the columns that are there, when a modality has none or one of a type
    that cannot hold it.
    """
    found = {}
    for modality in source.modality.modalities:
        wanted = source.columns(modality)
        found[modality] = tuple(column for column in wanted if column in schema.names)
        key = f"`sources.{source.name}.{modality.name.lower()}` is {';'.join(wanted)!r}"
        if not found[modality]:
            raise Refusal(f"{key}: {where} has no such column. Take one of: {', '.join(schema.names)}.")
        for column in found[modality]:
            if not _usable(schema.field(column).type, modality):
                needed = "strings" if modality == Modality.TEXT else "bytes, or structs with a `bytes` field"
                kind = schema.field(column).type
                raise Refusal(f"{key}: in {where} that column holds {kind}, where {needed} are needed. Name another.")
    return found


def _usable(kind: pa.DataType, modality: Modality) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if modality != Modality.TEXT and pa.types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _usable(kind.field(place).type, modality)
    binary = [pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary]
    text = [pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view]
    checks = [pa.types.is_null, *binary, *(text if modality == Modality.TEXT else [])]
    return any(check(kind) for check in checks)


def extract(
    rows: pa.Table,
    columns: dict[Modality, tuple[str, ...]],
    first: int,
    longest: int,
    reasons: npt.NDArray[np.object_] | None = None,
) -> Iterator[Batch]:
    """The modalities' values of `rows`, which are numbered from `first`, as batches with the rows that failed.

    `reasons` holds why a row has failed already, or "". More reasons: text_missing, image_missing, audio_missing,
    row_too_large, utf8_invalid.
    """
    values = {modality: _values(rows, names) for modality, names in columns.items()}
    reasons = np.full(len(rows), "", object) if reasons is None else reasons
    for modality, column in values.items():
        sizes = pc.fill_null(pc.binary_length(column), 0).to_numpy()
        _mark(reasons, column.is_null().to_numpy(), f"{modality.name.lower()}_missing")
        _mark(reasons, sizes > longest, "row_too_large")
    if Modality.TEXT in values:
        _mark(reasons, _invalid_utf8(values[Modality.TEXT], reasons), "utf8_invalid")
    drops = [Drop(first + int(at), reasons[at]) for at in np.flatnonzero(reasons != "")]
    good = pa.array(reasons == "", pa.bool_())
    numbers = pa.chunked_array([pa.array(np.arange(first, first + len(rows)))])
    names = ["row", *(modality.name.lower() for modality in values)]
    kept = pa.table([column.filter(good) for column in (numbers, *values.values())], names=names)
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


def _narrowed(rows: pa.Table, drops: list[Drop]) -> Iterator[Batch]:
    if rows.nbytes > CAST_BYTES and len(rows) > 1:
        half = len(rows) // 2
        yield from _narrowed(rows.slice(0, half), [])
        yield from _narrowed(rows.slice(half), drops)
    else:
        yield Batch(rows.cast(pa.schema([(name, ROW_FIELDS[name]) for name in rows.column_names])), drops)
