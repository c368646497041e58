"""What an engine is: a way to run independent tasks, and three operations on partitions built upon it.

Parts live in the store, so an engine moves references only, and a part that is already committed is not made
again. An engine implements `each`; one that has a shuffle of its own may override `shuffle`.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import pyarrow as pa

from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.storage.store import WORK, Store
from .journal import Journal, peak_memory
from .partition import Partition, load, read_header
from .shuffle import Scatter, bucket_keys, buckets
from .stage import RunStage, Stage, WorkCount, part_key, part_name

# Every process that runs tasks imports this. Arrow's own allocator hands freed memory back at once, and the next
# partition faults it in again.
pa.set_memory_pool(pa.system_memory_pool())

# What tasks import sooner or later, for workers to import while they start: Arrow wants pandas for its first array.
PRELOAD = ("triptych.pipelines.prepare", "pandas")

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class TaskResult(Generic[B]):
    """A finished task: which item, its result, and what its process has used so far."""

    index: int
    result: B
    process: str
    peak_bytes: int


@dataclass(frozen=True)
class MeasuredTask(Generic[A, B]):
    """A task that reports its process and the peak memory of it."""

    task: Callable[[A], B]

    def __call__(self, index: int, item: A) -> TaskResult[B]:
        """Run the task on an item; `index` says which it is."""
        with refusing_full_disk():
            result = self.task(item)
        return TaskResult(index, result, f"{os.uname().nodename}:{os.getpid()}", peak_memory())


class Engine(ABC):
    """Runs a dataset's stages over its parts."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.journal = journal

    @abstractmethod
    def each(self, task: Callable[[A], B], items: Sequence[A]) -> Iterator[TaskResult[B]]:
        """Run `task` on every item, anywhere and in any order; both are pickled."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the engine holds."""

    def collect(self, label: str, task: Callable[[A], B], items: Sequence[A], known: int = 0) -> list[B]:
        """The results of `task` in the order of `items`; `known` more were found committed."""
        results: dict[int, Any] = {}
        with self.journal.step(label, len(items) + known, known) as step:
            for done in self.each(task, items):
                results[done.index] = done.result
                rows, tokens = done.result if isinstance(done.result, WorkCount) else (0, 0)
                step.advance(done.process, done.peak_bytes, rows, tokens)
        return [results[index] for index in range(len(items))]

    def map(self, stage: Stage, parts: Sequence[Partition]) -> list[Partition]:
        """Run a stage on every part that it has not been run on; parts in, parts out, in the same order."""
        names = [part_name(stage.name, part_key(stage, part)) for part in parts]
        there = self.committed(stage.name)
        missing = [part for part, name in zip(parts, names, strict=True) if name not in there]
        self.collect(stage.name, RunStage(self.store, stage), missing, len(parts) - len(missing))
        return [self.refer(part_key(stage, part), name) for part, name in zip(parts, names, strict=True)]

    def committed(self, stage: str) -> set[str]:
        """Names of the parts that were committed for a stage."""
        return set(self.store.names(f"{WORK}/{stage}"))

    def refer(self, key: str, name: str) -> Partition:
        """A reference to a committed part, whose tallies go into the journal's ledger."""
        header = read_header(self.store, name)
        self.journal.note(name, header)
        return Partition(key, ((name, None),), header.rows, note=header.note)

    def shuffle(self, parts: Sequence[Partition], by: str, into: int) -> list[Partition]:
        """Regroup rows into `into` parts by the column's value; each is sorted by (column, id) when loaded."""
        stage, parts = Scatter(by, into), [replace(part, sort_by=None) for part in parts]
        keys, there = bucket_keys(stage, parts), self.committed(stage.name)
        if all(part_name(stage.name, key) in there for key in keys):  # an engine with a shuffle of its own was here
            with self.journal.step(stage.name, into, into):
                return self.grouped(stage, keys)
        return buckets(self.map(stage, parts), keys, by)

    def grouped(self, stage: Scatter, keys: Sequence[str]) -> list[Partition]:
        """The parts after a shuffle that committed each bucket as a part of its own."""
        return [replace(self.refer(key, part_name(stage.name, key)), sort_by=stage.by) for key in keys]

    def gather(self, parts: Sequence[Partition]) -> Iterator[pa.Table]:
        """The parts' tables here, one at a time, in order."""
        return (load(self.store, part) for part in parts)
