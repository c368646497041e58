"""Shuffles of small tables from many partitions: the tables are put together before they are scattered.

P partitions that are scattered one by one into N buckets make P x N pieces, and both grow with the corpus, so that a
piece of keys or signatures would be some bytes at last. Above PARTITIONS, the tables of partitions that follow each
other are put together to GROWN_BYTES. Where N buckets of such a table would still be smaller than PIECE_BYTES, they are
scattered in two rounds, first into about the square root of N: a bucket of the first round takes rows from each of a
block of tables, and is a table of the second round. There are then as many pieces as some hundred kilobytes go into the
bytes of the tables, and a task needs a few times GROWN_BYTES of memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isqrt

import pyarrow as pa

from ...schemas.identity import fingerprint
from ...schemas.storage.store import Store
from .partition import Partition, commit, load
from .shuffle import Scatter, bucket_key, buckets
from .stage import WorkCount, part_name
from .steps import Shuffle

PARTITIONS = 512
GROWN_BYTES = 64 << 20
PIECE_BYTES = 64 << 10
ROW_BYTES = 256  # where a partition does not note its bytes


def rounded(into: int) -> int:
    """Return the number of buckets of a shuffle of about `into`, so that those of a first round divide them evenly."""
    return -(-into // first_buckets(into)) * first_buckets(into)


def first_buckets(into: int) -> int:
    """Return the number of buckets of the first round; `into` where there is only one."""
    if into * PIECE_BYTES <= GROWN_BYTES:
        return into
    return isqrt(into - 1) + 1


def grows(step: Shuffle) -> bool:
    """True for a shuffle from so many partitions that their tables are put together."""
    return sum(len(source.keys) for source in step.sources) > PARTITIONS


@dataclass(frozen=True)
class ScatterTogether:
    """The task that scatters the tables of several partitions as one."""

    store: Store
    stage: Scatter

    def __call__(self, name: str, parts: Sequence[Partition]) -> WorkCount:
        """Commit the scattered rows under a name."""
        table = pa.concat_tables([load(self.store, part) for part in parts])
        return WorkCount(table.num_rows, 0, (commit(self.store, name, self.stage.run(table)),))


@dataclass(frozen=True)
class GrownShuffle:
    """How one shuffle is carried out."""

    store: Store
    step: Shuffle

    @property
    def first(self) -> Scatter:
        """The stage of the first round."""
        count = first_buckets(self.step.into)
        return Scatter(self.step.by, self.step.into if self.step.into % count else count)

    @property
    def twice(self) -> bool:
        """Whether there is a second round."""
        return self.first.into < self.step.into

    def tables(self, parts: Sequence[Partition]) -> Iterator[tuple[str, Sequence[Partition]]]:
        """Yield the partitions that are put together, and the name of the result.

        Args:
            parts: All partitions, in the order of their places, on which alone the division depends.
        """
        least = min(GROWN_BYTES, PIECE_BYTES * self.step.into)
        together: list[Partition] = []
        size = 0
        for part in parts:
            together.append(part)
            size += int(part.note.get("bytes", ROW_BYTES * part.rows))
            if size >= least:
                yield self._name(together), tuple(together)
                together, size = [], 0
        if together:
            yield self._name(together), tuple(together)

    def _name(self, parts: Sequence[Partition]) -> str:
        stage = self.first
        return part_name(stage.name, fingerprint("together", stage.identity(), [part.key for part in parts]))

    def second(self, scattered: Sequence[Partition]) -> Iterator[tuple[tuple[int, int], Partition]]:
        """Yield the partitions of the second round, each with its bucket of the first one and the number of a block.

        Args:
            scattered: The partitions that the first round made, in order.
        """
        size = self.step.into // self.first.into
        for block, start in enumerate(range(0, len(scattered), size)):
            parts = scattered[start : start + size]
            origin = fingerprint("block", self.step.by, [part.key for part in parts])
            keys = [bucket_key(origin, bucket) for bucket in range(self.first.into)]
            for bucket, part in enumerate(buckets(self.store, parts, keys, None)):
                if part.rows:
                    yield (bucket, block), part

    def last(self, bucket: int, scattered: Sequence[Partition]) -> Iterator[tuple[int, Partition]]:
        """Yield the buckets of the shuffle that lie in a bucket of the first round, each with its number.

        Args:
            bucket: The bucket of the first round.
            scattered: What the second round made of it.
        """
        numbers = range(bucket, self.step.into, self.first.into)
        keys = [self.step.keys[number] for number in numbers]
        yield from zip(numbers, buckets(self.store, scattered, keys, self.step.by, numbers), strict=True)
