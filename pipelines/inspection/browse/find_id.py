"""Finds the segments of a document by its id without reading all shards.

Preparation assigns a document to a shard by its id, modulo the number of shards of its group (see
`schemas/dataset/locate.py`). Where all ids of that shard agree, no other shard of the group is read.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....schemas.errors import Refusal
from .browsed import BrowsedDataset


def find_id(dataset: BrowsedDataset, document: bytes) -> list[tuple[int, int]]:
    """Find the segments of a document by its 16-byte id, in the order of its pieces, as (row, segment)."""
    word = int.from_bytes(document[:8], "little")
    found: list[tuple[int, int, int]] = []
    for shards in map(dataset.shards.numbers_of, dataset.shards.groups):
        place = word % len(shards)
        alone = _follows_ids(dataset, int(shards[place]), len(shards), place)
        for shard in [int(shards[place])] if alone else shards.tolist():
            found += _in_shard(dataset, shard, document)
    return [(row, number) for _, row, number in sorted(found)]


def _segments(dataset: BrowsedDataset, shard: int) -> pa.ListArray:
    segments = dataset.batch(shard).column("segments")
    try:
        segments.validate(full=True)
    except pa.ArrowException as error:
        raise Refusal(f"{dataset.where}/{dataset.shards[shard].file}: is damaged ({error}).", exit_code=1) from None
    return segments


def _follows_ids(dataset: BrowsedDataset, shard: int, count: int, place: int) -> bool:
    ids = _segments(dataset, shard).flatten().field("id")
    words = np.frombuffer(b"".join(ids.to_pylist()), np.uint8).reshape(-1, 16)[:, :8].copy().view("<u8")
    return bool(len(words)) and bool((words % np.uint64(count) == place).all())


def _in_shard(dataset: BrowsedDataset, shard: int, document: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (offset in the document, row, number of the segment) of each piece."""
    lists = _segments(dataset, shard)
    flat, offsets = lists.flatten(), lists.offsets.to_numpy()
    same = pc.equal(flat.field("id"), pa.scalar(document, pa.binary(16))).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(same)
    row = np.searchsorted(offsets, at, side="right") - 1
    for piece, line, number in zip(flat.field("offset").take(pa.array(at)).to_pylist(), row, at, strict=True):
        yield piece, dataset.first_row(shard) + int(line), int(number - offsets[line]) + 1
