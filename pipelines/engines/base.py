"""Base class of engines: a way to run independent tasks, and three operations on partitions built upon it.

Parts are files in the store, so an engine passes references only, and a part that is already committed is not computed
again. An engine implements `each`; one with its own shuffle may override `shuffle`.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import pyarrow as pa

from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.storage.store import WORK, Store
from .commits import CommitIndex
from .host_guard import HostGuard
from .journal import Journal, peak_memory
from .partition import Partition, load
from .shuffle import Scatter, bucket_keys, buckets
from .stage import RunStage, Stage, WorkCount, part_keys, part_name
from .step_ledger import StepLedger, reference
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
        self.index = CommitIndex(store)

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
        """Run `task` on every item and report progress; returns the results in the order of `items`."""
        results: dict[int, B] = {}
        self.receive(label, task, items, results.__setitem__, known)
        return [results[index] for index in range(len(items))]

    def receive(
        self, label: str, task: Callable[[A], B], items: Sequence[A], take: Callable[[int, B], None], known: int = 0
    ) -> None:
        """Run `task` on every item, report progress, and add what is committed to the index.

        Args:
            label: Name of the step in the journal.
            task: The function to run.
            items: Its arguments.
            take: Receives the index of an item and its result as soon as there is one, so that results need not be
                kept.
            known: Number of further items that were already committed, for the progress display.
        """
        try:
            with self.journal.step(label, len(items) + known, known) as step:
                for done in self.each(task, items):
                    work = done.result if isinstance(done.result, WorkCount) else WorkCount(0, 0)
                    self.index.add(work.committed)
                    take(done.index, done.result)
                    step.advance(done.process, done.peak_bytes, work.rows, work.tokens)
        finally:
            self.index.flush()

    def map(self, stage: Stage, parts: Sequence[Partition]) -> list[Partition]:
        """Run a stage on every part, reusing committed results; returns one part for each, in the same order."""
        keys = part_keys(stage, parts)
        names = [part_name(stage.name, key) for key in keys]
        made: dict[int, Partition] = {}
        ledger = StepLedger(self.journal)
        with ledger.counting(self.index, stage.name, lambda _: names):
            for at, known in enumerate(self.index.of(stage.name).find(names)):
                if known is not None:
                    made[at] = ledger.count(keys[at], known)
            missing = [at for at in range(len(parts)) if at not in made]

            def take(number: int, work: WorkCount) -> None:
                at = missing[number]
                made[at] = ledger.count(keys[at], *work.committed)

            task = RunStage(self.store, stage, self.ledger_rows)
            self.receive(stage.name, task, [parts[at] for at in missing], take, len(parts) - len(missing))
        ledger.end(names)
        return [made[at] for at in range(len(parts))]

    def committed(self, stage: str) -> set[str]:
        """Return the names of a stage's committed parts."""
        return set(self.store.names(f"{WORK}/{stage}"))

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
        keys = bucket_keys(stage, parts)
        if self.committed(stage.name).issuperset(part_name(stage.name, key) for key in keys):
            with self.journal.step(stage.name, into, into):  # written by an engine with its own shuffle
                return self.grouped(stage, keys)
        return buckets(self.map(stage, parts), keys, by)

    def grouped(self, stage: Scatter, keys: Sequence[str]) -> list[Partition]:
        """Return the parts after a shuffle that committed each bucket as a part."""
        found = self.index.of(stage.name).find([part_name(stage.name, key) for key in keys])
        parts = (reference(key, known) for key, known in zip(keys, found, strict=True) if known is not None)
        return [replace(part, sort_by=stage.by) for part in parts]

    def gather(self, parts: Sequence[Partition]) -> Iterator[pa.Table]:
        """Load the parts' tables in this process, one at a time, in order."""
        return (load(self.store, part) for part in parts)
