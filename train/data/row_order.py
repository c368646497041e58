"""The order of rows of a run: the row at each position, by arithmetic on the plan, without state.

In an epoch, the shards of a stream are read in a permuted order, and the rows of each window of SPREAD shards in a
permuted order of their own. Documents were assigned to shards by a hash of their id, so each shard is a random sample
of its group, and rows are as well mixed within a window as over the whole dataset. A remote dataset needs only two
windows on the local disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...schemas.hashing import Hashes as Words
from ...schemas.identity import fingerprint
from .mix import Ints, assign_streams, position_of, rows_per_stream
from .permutation import derive, permute, unpermute
from .plan import Plan

SPREAD = 16  # shards of 128 MB, some hundred thousand rows of 4,096 tokens
BLOCK = 4096  # positions
CELLS = 1 << 21  # shards of epochs whose order is computed at once, some 100 MB of memory
_SHARDS, _ROWS = 0, 1


class Addresses(NamedTuple):
    """Where rows are stored, each array (n,)."""

    shard: Ints  # number of the shard in the plan, stream after stream
    row: Ints  # row within the shard
    number: Ints  # number of the row in the plan, stream after stream
    epoch: Ints


@dataclass(frozen=True)
class _Epoch:
    """The order of one epoch of a stream."""

    shards: Ints  # (shards,) in reading order
    ends: Ints  # (shards,) number of rows up to and including each shard
    windows: Ints  # (windows + 1,) number of rows before each window; last, of all rows
    keys: Words  # (windows,) keys of the permutations of their rows


class RowOrder:
    """Maps positions to rows, in constant time at any position; it caches only the shard order of a few epochs."""

    def __init__(self, plan: Plan, before: Mapping[str, int] | None = None) -> None:
        """Create the order of a plan.

        Args:
            plan: The plan.
            before: Rows of each stream (by `MixComponent.key`) that were read before position 0, under another plan.
        """
        self._units = plan.units
        self._before = np.array([before.get(stream.key, 0) if before else 0 for stream in plan.streams], np.int64)
        self._rows = np.array([stream.rows for stream in plan.streams], np.int64)
        self._first_row = plan.first_rows
        counts = [stream.shards.rows for stream in plan.streams]
        self._starts = [np.concatenate([[0], stream.shards.ends]) for stream in plan.streams]
        self._first_shard = list(accumulate((len(count) for count in counts), initial=0))
        names = [fingerprint(plan.seed, stream.fingerprint, stream.group) for stream in plan.streams]
        self._keys = np.array([int(name[:16], 16) for name in names], np.uint64)
        self._epoch = lru_cache(maxsize=2 * len(counts) + 2)(self._order)
        self._block = lru_cache(maxsize=4)(lambda block: self.locate(np.arange(block * BLOCK, (block + 1) * BLOCK)))

    def between(self, start: int, stop: int) -> Addresses:
        """The rows at positions start ... stop - 1, computed in blocks that are cached for the next call."""
        blocks = [self._block(block) for block in range(start // BLOCK, -(-stop // BLOCK))]
        inside = slice(start % BLOCK, start % BLOCK + stop - start)
        return Addresses(*(np.concatenate(column)[inside] for column in zip(*blocks, strict=True)))

    def locate(self, position: npt.ArrayLike) -> Addresses:
        """The row at each position (n,) of the run."""
        stream, index = assign_streams(position, self._units)
        epoch, index = np.divmod(index + self._before[stream], self._rows[stream])
        shard, row = np.empty_like(index), np.empty_like(index)
        for which, turn in np.unique(np.stack([stream, epoch]), axis=1).T.tolist():
            mine = (stream == which) & (epoch == turn)
            shard[mine], row[mine] = self._within(which, self._epoch(which, turn), index[mine])
        before = [starts[:-1] for starts in self._starts]
        number = self._first_row[stream] + np.concatenate(before)[shard] + row
        return Addresses(shard, row, number, epoch)

    def positions(self, number: int, stop: int) -> tuple[Ints, Ints]:
        """Positions below `stop` at which a row is read, in order, and the epoch at each of them.

        Args:
            number: Number of the row in the plan, as in `Addresses`.
            stop: Number of positions.
        """
        stream = int(np.searchsorted(self._first_row, number, side="right")) - 1
        rows, before = int(self._rows[stream]), int(self._before[stream])
        row = number - int(self._first_row[stream])
        shard = int(np.searchsorted(self._starts[stream], row, side="right")) - 1
        end = before + int(rows_per_stream(stop, self._units)[stream])
        epochs = np.arange(before // rows, -(-end // rows))
        chunks = [epochs[low : low + self._at_once(stream)] for low in range(0, len(epochs), self._at_once(stream))]
        read = epochs * rows + np.concatenate([self._places(stream, some, shard, row) for some in chunks] or [epochs])
        inside = (read >= before) & (read < end)
        return position_of(stream, read[inside] - before, self._units), epochs[inside]

    def _at_once(self, stream: int) -> int:
        """Epochs whose orders are computed together."""
        return max(1, CELLS // len(self._starts[stream]))

    def _places(self, stream: int, epochs: Ints, shard: int, row: int) -> Ints:
        """Index of a row in each of some epochs (n,), the inverse of `_within`."""
        starts = self._starts[stream]
        rows = np.diff(starts)
        key = derive(self._keys[stream], epochs)
        order = permute(np.arange(len(rows)), len(rows), derive(key, _SHARDS)[:, None])
        ends = np.concatenate([np.zeros((len(epochs), 1), np.int64), np.cumsum(rows[order], axis=1)], axis=1)
        place = np.argmax(order == shard, axis=1)
        window = place // SPREAD
        turn = np.arange(len(epochs))
        start = ends[turn, window * SPREAD]
        size = ends[turn, np.minimum((window + 1) * SPREAD, len(rows))] - start
        shuffled = ends[turn, place] + row - int(starts[shard])
        found: Ints = start + unpermute(shuffled - start, size, derive(derive(key, _ROWS), window))
        return found

    def read_before(self, position: int) -> Ints:
        """(streams,) number of rows of each stream that come before a position, in all epochs."""
        return rows_per_stream(position, self._units) + self._before

    def upcoming_shards(self, position: int) -> tuple[list[int], list[int]]:
        """Shards around a position, one window of each stream, and the shards of the windows after them."""
        now: list[int] = []
        later: list[int] = []
        for stream, index in enumerate(self.read_before(position).tolist()):
            epoch, index = divmod(index, int(self._rows[stream]))
            order = self._epoch(stream, epoch)
            window = int(np.searchsorted(order.windows, index, side="right")) - 1
            then = self._epoch(stream, epoch + 1) if window == len(order.keys) - 1 else order
            for shards, of, number in ((now, order, window), (later, then, (window + 1) % len(order.keys))):
                some = of.shards[number * SPREAD : (number + 1) * SPREAD]
                shards += (self._first_shard[stream] + some).tolist()
        return now, later

    def _within(self, stream: int, order: _Epoch, index: Ints) -> tuple[Ints, Ints]:
        window = np.searchsorted(order.windows, index, side="right") - 1
        start = order.windows[window]
        shuffled = start + permute(index - start, order.windows[window + 1] - start, order.keys[window])
        place = np.searchsorted(order.ends, shuffled, side="right")
        shard = order.shards[place]
        rows = np.diff(self._starts[stream])[shard]
        return self._first_shard[stream] + shard, shuffled - (order.ends[place] - rows)

    def _order(self, stream: int, epoch: int) -> _Epoch:
        key = derive(self._keys[stream], epoch)
        rows = np.diff(self._starts[stream])
        shards = permute(np.arange(len(rows)), len(rows), derive(key, _SHARDS))
        ends = np.cumsum(rows[shards])
        last = np.append(np.arange(SPREAD, len(rows), SPREAD), len(rows)) - 1
        windows = np.concatenate([[0], ends[last]])
        return _Epoch(shards, ends, windows, derive(derive(key, _ROWS), np.arange(len(last))))
