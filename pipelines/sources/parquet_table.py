"""Records of a table in Parquet, for folders of media files."""

from collections.abc import Iterator

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.config.sources import FolderSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.errors import Refusal
from .base import Drop
from .column_types import in_words, is_bytes, is_text, storage_of, stored
from .columns import require_columns
from .delimited_table import Record
from .streams import PARQUET_ERRORS, data_error
from .text_columns import stored_column, text_type

ROWS = 4096  # of a read


def parquet_records(source: FolderSource, url: str, label: str) -> Iterator[Record | Drop]:
    """Read the needed columns, row by row; rows are numbered within the file.

    Args:
        source: The source.
        url: URL of the table.
        label: Name of the table, for error messages.

    Raises:
        Refusal: The source needs a column that the table does not have, has twice, or has in another type.
    """
    with fsspec.open(url, "rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            names = _columns(source, parquet.schema_arrow, label)
            number = 0
            for batch in parquet.iter_batches(ROWS, columns=names, use_threads=False):
                columns = [_values(pa.chunked_array([batch.column(name)])) for name in names]
                for values in zip(*columns, strict=True):
                    yield Record(number, dict(zip(names, values, strict=True)))
                    number += 1
        except PARQUET_ERRORS as error:
            if not data_error(error):
                raise
            yield Drop(-1, "file_unreadable", error_detail(error))


def _columns(source: FolderSource, schema: pa.Schema, label: str) -> list[str]:
    require_columns(source, schema.names, label)
    every = (stored_column(name, schema.names) for names in source.fields.values() for name in names)
    found = dict.fromkeys(name for name in every if name in schema.names)
    for field in ("text", "image", "audio"):
        for column in source.fields.get(field, ()):
            name = stored_column(column, schema.names)
            kind = storage_of(schema.field(name).type) if name in found else pa.null()
            if field == "text" and (source.text_from is not None or name != column):
                kind = text_type(kind, column, name)
            if not (is_text(kind) or is_bytes(kind) or pa.types.is_null(kind)):
                wanted = "strings" if field == "text" else "names of files; for media in the table use `kind: parquet`"
                raise Refusal(
                    f"`sources.{source.name}.{field}`: in {label} the column {name!r} holds {in_words(kind)}, but must "
                    f"hold {wanted}."
                )
    return list(found)


def _values(column: pa.ChunkedArray) -> list[object]:
    column = stored(column)
    if is_text(column.type) or is_bytes(column.type):
        # bytes that are not UTF-8 become surrogate escapes, as in text tables
        values = column.cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode(errors="surrogateescape") for value in values]
    return list(column.to_pylist())
