"""Base class of engines: a way to run independent tasks, and three operations on partitions built upon it.

Parts are files in the store, so an engine passes references only, and a part that is already committed is not computed
again. An engine implements `each`; one with its own shuffle may override `shuffle`.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import pyarrow as pa

from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.storage.store import WORK, Store
from .host_guard import HostGuard
from .journal import Journal, peak_memory
from .partition import Partition, load, read_header
from .shuffle import Scatter, bucket_keys, buckets
from .stage import RunStage, Stage, WorkCount, part_key, part_name
from .worker_check import Question, Reply

# Every process that runs tasks imports this module. Arrow's own allocator returns freed memory at once, and the next
# partition would page it in again.
pa.set_memory_pool(pa.system_memory_pool())

# Modules that workers import while they start, since tasks need them: Arrow uses pandas for its first array.
PRELOAD = ("triptych.pipelines.prepare", "pandas")

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class TaskResult(Generic[B]):
    """A finished task: the index of its item, its result, and the peak memory of its process so far."""

    index: int
    result: B
    process: str
    peak_bytes: int


@dataclass(frozen=True)
class MeasuredTask(Generic[A, B]):
    """A task that also reports its process and the process's peak memory."""

    task: Callable[[A], B]
    guard: HostGuard | None = None  # on a cluster

    def __call__(self, index: int, item: A) -> TaskResult[B]:
        """Run the task on an item; `index` is the item's index."""
        with self.guard.watching() if self.guard else nullcontext(), refusing_full_disk():
            result = self.task(item)
        return TaskResult(index, result, f"{os.uname().nodename}:{os.getpid()}", peak_memory())


class Engine(ABC):
    """Runs the stages of a dataset over its parts."""

    on_this_machine = True  # False when workers are on others too
    ledger_rows: int | None = None  # dropped rows that a part lists a file and reason; None is all

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.journal = journal

    @abstractmethod
    def each(self, task: Callable[[A], B], items: Sequence[A]) -> Iterator[TaskResult[B]]:
        """Run `task` on every item, in any process and order; both are pickled."""

    @abstractmethod
    def close(self) -> None:
        """Release the engine's resources."""

    def ask(self, question: Question) -> list[Reply]:
        """Return the answers of all workers to a question; none of them if everything runs on this machine."""
        return []

    def collect(self, label: str, task: Callable[[A], B], items: Sequence[A], known: int = 0) -> list[B]:
        """Run `task` on every item and report progress.

        Args:
            label: Name of the step in the journal.
            task: The function to run.
            items: Its arguments.
            known: Number of further items that were already committed, for the progress display.

        Returns:
            The results in the order of `items`.
        """
        results: dict[int, Any] = {}
        with self.journal.step(label, len(items) + known, known) as step:
            for done in self.each(task, items):
                results[done.index] = done.result
                rows, tokens = done.result if isinstance(done.result, WorkCount) else (0, 0)
                step.advance(done.process, done.peak_bytes, rows, tokens)
        return [results[index] for index in range(len(items))]

    def map(self, stage: Stage, parts: Sequence[Partition]) -> list[Partition]:
        """Run a stage on every part, reusing committed results; returns one part for each, in the same order."""
        names = [part_name(stage.name, part_key(stage, part)) for part in parts]
        existing = self.committed(stage.name)
        missing = [part for part, name in zip(parts, names, strict=True) if name not in existing]
        with self.noting_committed(lambda: self.committed(stage.name).intersection(names)):
            self.collect(stage.name, RunStage(self.store, stage, self.ledger_rows), missing, len(parts) - len(missing))
        return [self.refer(part_key(stage, part), name) for part, name in zip(parts, names, strict=True)]

    @contextmanager
    def noting_committed(self, names: Callable[[], Iterable[str]]) -> Iterator[None]:
        """Add the committed parts of a step to the ledger when it is interrupted, since nobody refers to them then.

        Args:
            names: Returns the names of those parts of the step that are committed.
        """
        try:
            yield
        except BaseException:
            with suppress(Exception):  # the store may be what failed
                for name in sorted(names()):
                    self.journal.note(name, read_header(self.store, name))
            raise

    def committed(self, stage: str) -> set[str]:
        """Return the names of a stage's committed parts."""
        return set(self.store.names(f"{WORK}/{stage}"))

    def refer(self, key: str, name: str) -> Partition:
        """Return a reference to a committed part, and add its tallies to the journal's ledger."""
        header = read_header(self.store, name)
        self.journal.note(name, header)
        return Partition(key, ((name, None),), header.rows, note=header.note)

    def shuffle(self, parts: Sequence[Partition], by: str, into: int) -> list[Partition]:
        """Regroup rows by a column.

        Args:
            parts: The partitions.
            by: Column of unsigned integers or 16-byte hashes; equal values go to the same bucket.
            into: Number of buckets.

        Returns:
            `into` partitions, each sorted by (column, id) when it is loaded.
        """
        stage, parts = Scatter(by, into), [replace(part, sort_by=None) for part in parts]
        keys, existing = bucket_keys(stage, parts), self.committed(stage.name)
        if all(part_name(stage.name, key) in existing for key in keys):  # written by an engine with its own shuffle
            with self.journal.step(stage.name, into, into):
                return self.grouped(stage, keys)
        return buckets(self.map(stage, parts), keys, by)

    def grouped(self, stage: Scatter, keys: Sequence[str]) -> list[Partition]:
        """Return the parts after a shuffle that committed each bucket as a part."""
        return [replace(self.refer(key, part_name(stage.name, key)), sort_by=stage.by) for key in keys]

    def gather(self, parts: Sequence[Partition]) -> Iterator[pa.Table]:
        """Load the parts' tables in this process, one at a time, in order."""
        return (load(self.store, part) for part in parts)
