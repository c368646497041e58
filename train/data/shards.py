"""Shards as the loader reads them: rows of the file, and the segment table as numeric columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ...schemas.dataset.file_entry import ShardEntry
from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.stored_shard import StoredMatrix, StoredShard
from .plan import Plan
from .row_order import RowOrder
from .shard_cache import ShardCache, is_local
from .split import key_words, split_keys

MAX_OPEN = 1024  # shards whose tables stay in memory
COLUMNS = ("start", "length", "kind", "text_bytes", "pixels", "samples")


@dataclass(frozen=True)
class OpenShard:
    """One shard; S segments of all its rows, row after row. Rows of the matrices are read when they are indexed."""

    tokens: StoredMatrix  # (rows, row_length)
    segment: StoredMatrix
    modality: StoredMatrix
    offsets: npt.NDArray[np.int32]  # (rows + 1,) number of segments before each row
    document: npt.NDArray[np.uint64]  # (S, 2) the two 64-bit halves of the document id
    split_key: npt.NDArray[np.uint64]  # (S, 2) the two halves of what the side of the document follows
    columns: dict[
        str, npt.NDArray[Any]
    ]  # (S,) COLUMNS of the segment table, and `source` as an index into Plan.sources


class Shards:
    """All shards of a plan, opened on first use; safe to use from several threads."""

    def __init__(self, plan: Plan, cache: ShardCache) -> None:
        self._sources = plan.sources
        self._cache = cache
        self._plan = plan
        self._ends = np.cumsum([len(stream.shards) for stream in plan.streams])  # shards up to and with each stream
        self.open = lru_cache(maxsize=MAX_OPEN)(self._open)
        self._remote = not all(is_local(dataset) for dataset in plan.datasets)
        self._prefetched: tuple[list[int], list[int]] | None = None

    def __len__(self) -> int:
        return int(self._ends[-1])

    def prefetch(self, order: RowOrder, position: int) -> None:
        """Prefetch the remote shards that are read around a position, and those after them."""
        if self._remote and (upcoming := order.upcoming_shards(position)) != self._prefetched:
            self._prefetched = upcoming
            now, later = ([self.entry(number) for number in numbers] for numbers in upcoming)
            self._cache.prefetch(now, later)

    def _open(self, number: int) -> OpenShard:
        """Open shard `number` of the plan; raises Refusal if it is missing, truncated or changed."""
        shard = self._cache.shard(*self.entry(number))
        return open_shard(shard, self._sources)

    def entry(self, number: int) -> tuple[Dataset, ShardEntry]:
        """Dataset and entry of shard `number` of the plan."""
        at = int(np.searchsorted(self._ends, number, side="right"))
        stream = self._plan.streams[at]
        return self._plan.datasets[stream.dataset], stream.shards[number - int(self._ends[at])]


def open_shard(shard: StoredShard, sources: Sequence[str]) -> OpenShard:
    """Create the views of a shard; the index of a source is that in `sources`."""
    lists = shard.tables.column("segments")
    table = lists.flatten()  # takes the offsets of a sliced batch into account
    columns = {name: table.field(name).to_numpy() for name in COLUMNS}
    source = table.field("source")
    number = {name: at for at, name in enumerate(sources)}
    names = np.array([number.get(name, -1) for name in source.dictionary.to_pylist()], np.int32)
    columns["source"] = names[source.indices.to_numpy()]
    return OpenShard(
        tokens=shard.matrix("tokens"),
        segment=shard.matrix("segment"),
        modality=shard.matrix("modality"),
        offsets=lists.offsets.to_numpy(),
        document=key_words(table.field("id")),
        split_key=key_words(split_keys(table)),
        columns=columns,
    )
