"""Exports a dataset for Megatron-LM: one document a segment, in the format of its `IndexedDataset`.

The format, version 1, is defined by the reader and the writer in
https://github.com/NVIDIA/Megatron-LM/blob/main/megatron/core/datasets/indexed_dataset.py: `.bin` holds the ids of all
sequences one after another; `.idx` holds, in little-endian order, the header, the version, a code of the id type, the
numbers of sequences and of document bounds, and then the lengths (int32), byte offsets (int64) and document bounds
(int64). Lengths wait in a file of their own while the ids are written, so that memory does not grow with the dataset.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.dataset.file_entry import ShardEntry
from ...schemas.dataset.reader import Dataset
from .description import write_description
from .row_blocks import plain_segments, segment_fields

HEADER = b"MMIDIDX\x00\x00"
VERSION = 1
CODES = {np.dtype(np.int32): 4, np.dtype(np.uint16): 8}
SMALL = 65_500  # Megatron-LM reads ids below this as uint16, and those of a larger vocabulary as int32
BLOCK = 1 << 20  # lengths at a time
BLOCK_TOKENS = 8 << 20
PREFIX, LINEAGE = "tokens", "lineage.parquet"

Ids = npt.NDArray[np.integer]


def id_type(size: int) -> np.dtype[np.integer]:
    """The type of the ids of a vocabulary of `size` entries."""
    return np.dtype(np.uint16) if size < SMALL else np.dtype(np.int32)


def export_megatron(dataset: Dataset, folder: Path) -> None:
    """Write `tokens.bin`, `tokens.idx`, and `lineage.parquet` with one row a sequence, in the same order.

    Args:
        dataset: The dataset.
        folder: An empty folder.

    Raises:
        Refusal: A shard is damaged.
    """
    dtype, waiting = id_type(dataset.manifest.vocabulary.size), folder / "lengths"
    fields = segment_fields(dataset)
    schema = pa.schema([pa.field("packed_row", pa.int64(), nullable=False), *fields])
    with (
        open(folder / f"{PREFIX}.bin", "wb") as ids,
        open(waiting, "w+b") as lengths,
        pq.ParquetWriter(folder / LINEAGE, schema, compression="zstd") as lineage,
    ):
        before = 0
        for entry in dataset.manifest.shards:
            for block in _filled(dataset, entry):
                ids.write(block.astype(dtype, copy=False).data)
            table = _lineage(dataset, entry, before, schema)
            lengths.write(table.column("length").to_numpy().astype("<i4", copy=False).data)
            lineage.write_batch(table)
            before += entry.rows
        with open(folder / f"{PREFIX}.idx", "wb") as index:
            write_index(index, lengths, dtype)
    waiting.unlink()
    write_description(dataset, folder, "megatron", prefix=PREFIX, lineage=LINEAGE, dtype=dtype.name)


def _filled(dataset: Dataset, entry: ShardEntry) -> Iterator[Ids]:
    """The ids of a shard without padding: those of its segments, by row and then by position."""
    shard = dataset.open(entry)
    tokens, segment = (shard.matrix(name).reshape(-1) for name in ("tokens", "segment"))
    for start in range(0, len(tokens), BLOCK_TOKENS):
        yield tokens[start : start + BLOCK_TOKENS][segment[start : start + BLOCK_TOKENS] != 0]


def _lineage(dataset: Dataset, entry: ShardEntry, before: int, schema: pa.Schema) -> pa.RecordBatch:
    """The segments of a shard in the order of their tokens; `before` is the number of rows of earlier shards."""
    lists = dataset.open(entry).batch.column("segments")
    flat = plain_segments(lists, list(schema)[1:])
    row = np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))
    order = np.lexsort((flat.field("start").to_numpy(), row))
    if not np.array_equal(order, np.arange(len(order))):
        flat, row = flat.take(pa.array(order)), row[order]
    return pa.RecordBatch.from_arrays([pa.array(row + before), *flat.flatten()], schema=schema)


def write_index(index: IO[bytes], lengths: IO[bytes], dtype: np.dtype[np.integer]) -> None:
    """Write an `.idx` in which every sequence is a document.

    Args:
        index: The file to write.
        lengths: File of the lengths of all sequences, as little-endian int32.
        dtype: Type of the ids.
    """
    count = lengths.seek(0, 2) // 4
    index.write(HEADER + struct.pack("<QBQQ", VERSION, CODES[dtype], count, count + 1))
    for block in _blocks(lengths):
        index.write(block.tobytes())
    offset = 0
    for block in _blocks(lengths):
        ends = offset + np.cumsum(block, dtype=np.int64) * dtype.itemsize
        index.write((ends - block.astype(np.int64) * dtype.itemsize).astype("<i8").tobytes())
        offset = int(ends[-1])
    for start in range(0, count + 1, BLOCK):
        index.write(np.arange(start, min(start + BLOCK, count + 1), dtype="<i8").tobytes())


def _blocks(lengths: IO[bytes]) -> Iterator[npt.NDArray[np.int32]]:
    lengths.seek(0)
    while data := lengths.read(4 * BLOCK):
        yield np.frombuffer(data, "<i4")
