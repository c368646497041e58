"""Decodes Parquet columns in pieces of bounded size, whatever a dictionary expands to.

A dictionary holds each value once, and runs of equal rows take a few bytes, so a file of 571 bytes can hold 3 GB. The
columns are read as dictionaries, their rows are measured, and only so many as fit are decoded at a time
(https://parquet.apache.org/docs/file-format/data-pages/encodings/).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .column_types import is_bytes, is_text
from .text_columns import is_list

PIECE_BYTES = 32 << 20  # of decoded values in a piece, unless one row has more
MOST_CLAIMED = 64 << 20  # bytes, and rows, from which on a column chunk must have a share of them stored
RATIO = 256  # of the decoded bytes to the stored ones, beyond which a chunk of so many is refused
MOST_ROWS_A_BYTE = 100
MOST_SHARED = 1 << 30  # bytes that values with common beginnings may decode to, unless they store SHARED_BYTES each
SHARED_BYTES = 16


def unlikely_chunk(parts: Sequence[pq.ColumnChunkMetaData], rows: int, column: str) -> str | None:
    """Return what a row group claims to hold if no data fit into its bytes, before any of it is decoded.

    Args:
        parts: Its column chunks.
        rows: Its number of rows.
        column: Path of the column of texts.
    """
    for part in parts:
        claimed, stored = part.total_uncompressed_size, part.total_compressed_size
        if claimed > MOST_CLAIMED and claimed > RATIO * stored:
            return f"column {part.path_in_schema}: {claimed} bytes in {stored}"
        if part.path_in_schema == column and rows > MOST_CLAIMED >> 6 and rows > MOST_ROWS_A_BYTE * stored:
            return f"column {part.path_in_schema}: {rows} rows in {stored} bytes"
        few = claimed < SHARED_BYTES * part.num_values
        if "DELTA_BYTE_ARRAY" in part.encodings and few and claimed * part.num_values > MOST_SHARED:
            return f"column {part.path_in_schema}: {part.num_values} values in {claimed} bytes"
    return None


def dictionary_columns(parts: Sequence[pq.ColumnChunkMetaData]) -> list[str]:
    """Return the paths of the column chunks that can be read as dictionaries.

    These are strings and bytes of variable length, but not the delta encodings of them, which newer writers use and
    which Arrow does not read as dictionaries.
    """
    texts = [part for part in parts if part.physical_type == "BYTE_ARRAY"]
    return [part.path_in_schema for part in texts if not any(each.startswith("DELTA") for each in part.encodings)]


def decoded(rows: pa.Table) -> Iterator[pa.Table]:
    """Yield the rows of a table in pieces of at most about 32 MiB, with dictionaries decoded."""
    ends = np.cumsum(sum((_sizes(column) for column in rows.columns), np.zeros(len(rows), np.int64)))
    start = 0
    while start < len(rows):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + PIECE_BYTES, side="right")))
        piece = rows.slice(start, stop - start)
        yield piece.cast(pa.schema([field.with_type(_plain(field.type)) for field in piece.schema]))
        start = stop


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return a type with the values of each dictionary in its place; texts and bytes are those of large columns."""
    if pa.types.is_dictionary(kind):
        value = kind.value_type
        return pa.large_string() if is_text(value) else pa.large_binary() if is_bytes(value) else value
    if is_list(kind):
        return pa.large_list(kind.value_field.with_type(_plain(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    return kind


def _sizes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return the bytes of the values that dictionaries give each row."""
    pieces = [_array_sizes(chunk) for chunk in column.chunks]
    return np.concatenate([np.zeros(0, np.int64), *pieces])


def _array_sizes(values: pa.Array) -> npt.NDArray[np.int64]:
    if pa.types.is_dictionary(values.type) and (is_text(values.type.value_type) or is_bytes(values.type.value_type)):
        lengths = pc.binary_length(values.dictionary.cast(pa.large_binary()))
        sizes: npt.NDArray[np.int64] = pc.fill_null(lengths.take(values.indices), 0).to_numpy().astype(np.int64)
        return sizes
    if pa.types.is_struct(values.type):
        return sum((_array_sizes(field) for field in values.flatten()), np.zeros(len(values), np.int64))
    if is_list(values.type) and not pa.types.is_fixed_size_list(values.type):
        parents = pc.list_parent_indices(values).to_numpy(zero_copy_only=False)
        return np.bincount(parents, _array_sizes(pc.list_flatten(values)), minlength=len(values)).astype(np.int64)
    return np.zeros(len(values), np.int64)
