"""Base class of engines: a way to run independent tasks, and the execution of described steps built upon it.

Parts are files in the store, so an engine passes references only, and a part that is already committed is not computed
again. An engine implements `each`; one that takes a description as a whole overrides `carry_out`.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pyarrow as pa

from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.storage.store import Store
from .chain import carry_out
from .commits import CommitIndex
from .host_guard import HostGuard, worker_address
from .journal import Journal, peak_memory
from .ledger_of_steps import LedgerOfSteps
from .partition import Partition, load
from .stage import WorkCount
from .steps import Description, Step
from .todo import Todo
from .walk import Walk
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
    worker: str = ""  # address of its worker, on a cluster
    seconds: float = 0.0  # duration of the task


@dataclass(frozen=True)
class MeasuredTask(Generic[A, B]):
    """A task that also reports its process and the process's peak memory."""

    task: Callable[[A], B]
    guard: HostGuard | None = None  # on a cluster

    def __call__(self, index: int, item: A) -> TaskResult[B]:
        """Run the task on an item; `index` is the item's index."""
        start = time.perf_counter()
        with self.guard.watching() if self.guard else nullcontext(), refusing_full_disk():
            result = self.task(item)
        process = f"{os.uname().nodename}:{os.getpid()}"
        worker = worker_address() if self.guard else ""
        return TaskResult(index, result, process, peak_memory(), worker, time.perf_counter() - start)


class Engine(ABC):
    """Runs the stages of a dataset over its parts."""

    on_this_machine = True  # False when workers are on others too
    ledger_rows: int | None = None  # dropped rows that a part lists a file and reason; None is all

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.journal = journal
        self.index = CommitIndex(store)
        self.descriptions = 0  # that were carried out

    @abstractmethod
    def each(self, task: Callable[[A], B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        """Run `task` on every item, in any process and order, until none is left; both are pickled.

        More items may be added while the results are taken.
        """

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
            for done in self.each(task, Todo(items)):
                results[done.index] = done.result
                rows, tokens, *_ = done.result if isinstance(done.result, WorkCount) else (0, 0)
                step.advance(done.process, done.peak_bytes, rows, tokens)
        return [results[index] for index in range(len(items))]

    def run(self, wanted: Sequence[Step]) -> Mapping[Step, list[Partition]]:
        """Carry out everything that is described and not committed yet.

        Args:
            wanted: Steps whose partitions the driver needs, in the order of the ledger. Those that they take from are
                carried out, too.

        Returns:
            The partitions of each wanted step, in the order of their places; also the empty ones.
        """
        description = Description(wanted)
        self.descriptions += 1
        ledger = LedgerOfSteps(self.journal, wanted, description.after(), self.descriptions)
        try:
            return self.carry_out(description, ledger)
        finally:
            self.index.flush()
            ledger.end()

    def carry_out(self, description: Description, ledger: LedgerOfSteps) -> Mapping[Step, list[Partition]]:
        """Carry out a description, task by task."""
        walk = Walk(self.store, self.index, ledger, description, self.ledger_rows)
        walk.begin()
        for done in self.each(carry_out, walk.todo):
            walk.done(done.index, done.result, done.process, done.peak_bytes)
        return walk.results()

    def gather(self, parts: Sequence[Partition]) -> Iterator[pa.Table]:
        """Load the parts' tables in this process, one at a time, in order."""
        return (load(self.store, part) for part in parts)
