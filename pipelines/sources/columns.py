"""Extracts the fields of a source from the columns of an Arrow table, with the rows that fail."""

import json
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.columns import is_column
from ...schemas.config.sources import FolderSource, Source
from ...schemas.errors import Refusal
from .base import TEXTS, Drop, RawBatch, field_type
from .batches import column_bytes
from .column_types import in_words, is_bytes, is_json, is_text, json_licenses, storage_of, stored
from .files import printable
from .json_texts import has_json, json_texts, printable_texts
from .not_for_samples import ADDRESSES, refuse_interleaved
from .text_columns import first_texts, is_list, stored_column, text_lists, text_type

CAST_BYTES = 1 << 30  # larger tables are divided before a cast, since the fields' types are limited to 2 GiB
MOST_NAMES = 50  # of the columns listed in an error message
STRINGS = ("text", "license")  # the other fields are files
MEDIA = ("image", "audio")
DELIMITERS = (";", "\t", "|", ",")  # that may divide a header which was read as one column


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
    refuse_interleaved([field.name for field in schema if is_list(storage_of(field.type))], source, where)
    require_columns(source, schema.names, where)
    found = {}
    for name, wanted in source.fields.items():
        found[name] = tuple(column for column in wanted if stored_column(column, schema.names) in schema.names)
        for column in found[name]:
            place = stored_column(column, schema.names)
            kind = storage_of(schema.field(place).type)
            within = name == "text" and (source.text_from is not None or place != column)
            if not _usable(text_type(kind, column, place) if within else kind, name):
                raise Refusal(
                    f"{_key(source, name)}: in {where} that column holds {in_words(kind)}, but must hold "
                    f"{_needed(name)}. {_advice(kind, name)}"
                )
    return found


def require_columns(source: Source, columns: Sequence[str], where: str) -> None:
    """Check that a table has a column for each field of a source, and each of these columns once.

    Args:
        source: The source.
        columns: Names of all columns of the table.
        where: Name of the file, for error messages.

    Raises:
        Refusal: A field has no column, or two columns have the same name.
    """
    for name, names in source.fields.items():
        wanted = {stored_column(column, columns) for column in names}
        found = [column for column in columns if column in wanted]
        if not found:
            raise Refusal(
                f"{_key(source, name)}: {where} has no such column. {_choice(columns)}{_delimiter(source, columns)}"
            )
    require_columns_once(source, columns, where)


def require_columns_once(source: Source, columns: Sequence[str], where: str) -> None:
    """Check that no column of a source is in a table more than once; raises Refusal, see `require_columns`."""
    for name, wanted in source.fields.items():
        found = [column for column in columns if column in wanted]
        twice = sorted({column for column in found if found.count(column) > 1})
        if twice:
            raise Refusal(f"{_key(source, name)}: {where} has two columns named {twice[0]!r}. Rename one of them.")


def _key(source: Source, field: str) -> str:
    if is_column(field):
        return key_of_column(source, source.fields[field][0])
    return f"`sources.{source.name}.{field}` is {';'.join(source.fields[field])!r}"


def key_of_column(source: Source, column: str) -> str:
    """Return where the run file names a column to keep or to filter, for error messages."""
    if column in source.keep:
        return f"`sources.{source.name}.keep` names {column!r}"
    return f"a filter of `filters` reads the column {column!r} of source `{source.name}`"


def _choice(columns: Sequence[str]) -> str:
    if not columns:
        return "It has no columns."
    shown = ", ".join(printable(column) for column in columns[:MOST_NAMES])
    return f"Use one of: {shown}{' …' if len(columns) > MOST_NAMES else ''}."


def _delimiter(source: Source, columns: Sequence[str]) -> str:
    """Say that the header of a text table may be divided by another character, if it looks so."""
    if len(columns) != 1 or not isinstance(source, FolderSource):
        return ""
    likely = next((mark for mark in DELIMITERS if mark in columns[0]), None)
    return (
        "" if likely is None else f" If its columns are separated by {likely!r}, set `delimiter: {json.dumps(likely)}`."
    )


def _needed(field: str) -> str:
    if is_column(field):
        return "values that can be written as JSON"
    if field == "license":
        return "strings, or values that can be written as JSON"
    return "strings" if field in STRINGS else "bytes, or structs with a `bytes` field"


def _advice(kind: pa.DataType, field: str) -> str:
    if field == "text" and is_list(kind):
        return "Set `text_from` to `first`, `random`, `join` or `each` to use lists of strings."
    if field in MEDIA and is_list(kind):
        return "A sample has at most one image and one clip."
    return ADDRESSES if field in MEDIA and is_text(kind) else "Use another."


def _usable(kind: pa.DataType, field: str) -> bool:
    if is_column(field):
        return has_json(kind)
    if field == "license" and is_json(kind):
        return True
    if field not in STRINGS and pa.types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _usable(storage_of(kind.field(place).type), field)
    return pa.types.is_null(kind) or is_bytes(kind) or (field in STRINGS and is_text(kind))


def extract(
    rows: pa.Table,
    columns: dict[str, tuple[str, ...]],
    first: int,
    longest: int,
    reasons: npt.NDArray[np.object_] | None = None,
    text_from: str | None = None,
    most: int | None = None,
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
        most: Drops that are listed for a reason, while the others are counted; None lists all.

    Yields:
        Batches with the good rows and the drops.
    """
    values = {
        name: json_texts(rows[names[0]]) if is_column(name) else _field(rows, name, names, text_from)
        for name, names in columns.items()
    }
    reasons = np.full(len(rows), "", object) if reasons is None else reasons
    for name, column in values.items():
        sizes = column_bytes(column)
        if name != "license" and not is_column(name):
            _mark(reasons, column.is_null().to_numpy(), f"{name}_missing")
        _mark(reasons, sizes > longest, "row_too_large")
    _mark(reasons, _invalid_utf8(values["text"], reasons), "utf8_invalid")
    if "license" in values:
        values["license"] = printable_texts(values["license"])
    drops = list(_drops(reasons, first, most))
    good = pa.array(reasons == "", pa.bool_())
    numbers = pa.chunked_array([pa.array(np.arange(first, first + len(rows)))])
    kept = pa.table({name: column.filter(good) for name, column in ({"row": numbers} | values).items()})
    yield from _narrowed(kept, drops)


def _values(rows: pa.Table, names: tuple[str, ...], field: str) -> pa.ChunkedArray:
    return pc.coalesce(*(field_values(rows[name], field).cast(pa.large_binary()) for name in names))


def field_values(column: pa.ChunkedArray, field: str) -> pa.ChunkedArray:
    """Turn a column of any usable type into strings or bytes.

    Args:
        column: The column.
        field: The field of the source that it is read for.
    """
    column = stored(column)
    if field == "license":
        return json_licenses(column) if is_json(column.type) else column
    return stored(pc.struct_field(column, "bytes")) if pa.types.is_struct(column.type) else column


def _field(rows: pa.Table, field: str, names: tuple[str, ...], text_from: str | None) -> pa.ChunkedArray:
    if field != "text" or (text_from is None and _are_columns(rows, names)):
        return _values(rows, names, field)
    lists = text_lists(rows, names)
    return pa.chunked_array([lists if text_from is not None else first_texts(lists)])


def _are_columns(rows: pa.Table, names: tuple[str, ...]) -> bool:
    return all(stored_column(name, rows.column_names) == name for name in names)


def _drops(reasons: npt.NDArray[np.object_], first: int, most: int | None) -> Iterator[Drop]:
    """Yield the drops in the order of the rows, those that are only counted last."""
    failed = np.flatnonzero(reasons != "")
    listed = np.zeros(len(reasons), bool)
    others: list[Drop] = []
    for reason in sorted(set(reasons[failed])):
        mine = failed[reasons[failed] == reason]
        listed[mine[:most]] = True
        if most is not None and len(mine) > most:
            others.append(Drop(-1, reason, count=len(mine) - most))
    yield from (Drop(first + int(at), reasons[at]) for at in np.flatnonzero(listed))
    yield from others


def _mark(reasons: npt.NDArray[np.object_], bad: npt.NDArray[np.bool_], reason: str) -> None:
    if bad.any():
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


def _narrowed(rows: pa.Table, drops: list[Drop]) -> Iterator[RawBatch]:
    types = {name: TEXTS if is_list(rows[name].type) else field_type(name) for name in rows.column_names}
    if rows.nbytes > CAST_BYTES and len(rows) > 1:
        middle = len(rows) // 2
        yield from _narrowed(rows.slice(0, middle), [])
        yield from _narrowed(rows.slice(middle), drops)
    else:
        yield RawBatch(rows.cast(pa.schema(list(types.items()))), drops)
