"""Finds segments of documents in a dataset: by id in one shard of each group, by other columns in all of them.

Preparation assigns a document to a shard by its id, modulo the number of shards of its group. If all ids of a shard
have the remainder of its place, and they are too many for a coincidence, it has all documents with that remainder.
Otherwise, as in small datasets, in those that were packed in windows and in those that were put together from others,
all shards of the group are searched; if these are many, the first search makes an index (id_index.py) for the next.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .id_index import IdIndex, Words, word_of, words_of
from .segment_tables import SegmentTables
from .shard_list import Ints

ENOUGH = 64  # documents of a shard
MANY = 64  # shards that are searched; for more, an index is made
Mask = npt.NDArray[np.bool_]


class Located(NamedTuple):
    """A segment: shard in the manifest, row in the shard, number in the row from 1, and its entry in the table."""

    shard: int
    row: int
    number: int
    segment: dict[str, Any]


def segments_of_id(tables: SegmentTables, document: bytes) -> list[Located]:
    """Find the segments of a document by its 16-byte id, in the order of its pieces."""
    wanted = pa.scalar(document, pa.binary(16))
    word = word_of(document)
    shards = tables.dataset.manifest.shards
    searched: list[int] = []
    for numbers in (shards.numbers_of(group) for group in shards.groups):
        place = word % len(numbers)
        searched += [int(numbers[place])] if _follows_ids(tables, numbers, place) else numbers.tolist()
    if len(searched) > MANY:
        searched = _indexed(tables, document, searched)
    found: list[Located] = []
    for number in searched:
        found += segments_in_shard(tables, number, lambda flat: _equal(flat.field("id"), wanted))
    return sorted(found, key=lambda one: one.segment["offset"])


def _indexed(tables: SegmentTables, document: bytes, searched: list[int]) -> list[int]:
    """Those of many shards that may have a document, by the index of the dataset, which is made if there is none."""

    def words() -> Iterator[tuple[int, Words]]:
        for number in range(len(tables.dataset.manifest.shards)):
            yield number, words_of(tables.of(number).flatten().field("id"))

    index = IdIndex.of(tables.dataset) or IdIndex.made(tables.dataset, words())
    return searched if index is None else index.shards(document)


def segments_where(tables: SegmentTables, **columns: Any) -> Iterator[Located]:
    """Yield the segments whose columns have these values, from all shards; a column that a dataset lacks has none."""
    for number in range(len(tables.dataset.manifest.shards)):
        yield from segments_in_shard(tables, number, lambda flat: _all_equal(flat, columns))


def _follows_ids(tables: SegmentTables, numbers: Ints, place: int) -> bool:
    """Whether the ids of a shard prove that it has all documents whose ids have the remainder of its place."""
    if len(numbers) == 1:
        return True
    words = words_of(tables.of(int(numbers[place])).flatten().field("id"))
    return len(words) >= ENOUGH and bool((words % np.uint64(len(numbers)) == place).all())


def segments_in_shard(tables: SegmentTables, shard: int, chosen: Callable[[pa.StructArray], Mask]) -> list[Located]:
    """Find the segments of a shard that a function of its segment table marks."""
    lists = tables.of(shard)
    flat, offsets = lists.flatten(), lists.offsets.to_numpy()
    offsets = offsets - offsets[0]
    at = np.flatnonzero(chosen(flat))
    rows = np.searchsorted(offsets, at, side="right") - 1
    numbers = at - offsets[rows] + 1
    entries = flat.take(pa.array(at)).to_pylist()
    return [Located(shard, *each) for each in zip(rows.tolist(), numbers.tolist(), entries, strict=True)]


def _all_equal(flat: pa.StructArray, columns: dict[str, Any]) -> Mask:
    mask = np.ones(len(flat), bool)
    for name, value in columns.items():
        if flat.type.get_field_index(name) < 0:
            return np.zeros(len(flat), bool)
        if mask.any():
            mask &= _equal(flat.field(name), value)
    return mask


def _equal(column: pa.Array, value: Any) -> Mask:
    if pa.types.is_dictionary(column.type):
        place = pc.index(column.dictionary, value).as_py()
        column, value = column.indices, place
    same: Mask = pc.fill_null(pc.equal(column, value), False).to_numpy(zero_copy_only=False)
    return same
