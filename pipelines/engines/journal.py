"""Record of a run in progress: steps with their wall time, peak memory, and the ledger so far."""

import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ...schemas.dataset.ledger import Tally, merge
from .worker_board import WorkerBoard

MOST_TALLIES = 4096  # in memory; then those of one stage and source are added up


def peak_memory() -> int:
    """Return the peak resident memory of this process in bytes."""
    try:
        # ru_maxrss is inherited from the parent process
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


@dataclass
class Step:
    """One step of the run: number of tasks, number of reused results, and duration."""

    label: str
    total: int
    reused: int
    done: int = 0
    seconds: float = 0.0
    rows: int = 0
    tokens: int = 0
    peak_bytes: dict[str, int] = field(default_factory=dict)  # by process
    after: tuple[str, ...] = ()  # steps that it takes partitions from
    description: int = 0  # number of the description that it is in; steps of one run beside each other
    _start: float = field(default_factory=time.perf_counter)
    _watcher: Callable[[], None] = lambda: None
    _follower: Callable[[], None] = lambda: None

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.perf_counter() - self._start

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever a task finishes."""
        self._watcher = watcher

    def expect(self, tasks: int, reused: int = 0) -> None:
        """Add tasks to the step, of which `reused` are results that were committed before."""
        self.total += tasks
        self.reused += reused
        self._watcher()

    def advance(self, process: str, peak_bytes: int, rows: int = 0, tokens: int = 0) -> None:
        """Record a finished task and the peak memory of its process."""
        self.done += 1
        self.rows += rows
        self.tokens += tokens
        self.peak_bytes[process] = max(self.peak_bytes.get(process, 0), peak_bytes)
        self._watcher()
        self._follower()


class Journal:
    """Collects the records of a run; the progress display of a terminal is a subclass."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.tallies: list[Tally] = []
        self.dropped_in: list[str] = []  # names of the parts that hold dropped rows
        self.messages: list[str] = []
        self.follower: Callable[[bool], None] = lambda begins: None  # called when a step begins, and at each advance

    def say(self, message: str) -> None:
        """Show a message to the user; only kept here, subclasses print it."""
        self.messages.append(message)

    def show_workers(self, board: WorkerBoard) -> None:
        """Show what the workers of a cluster do, now and then; ignored here."""

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        """Record a step of the run; it is timed until the block ends."""
        step = Step(label, total, reused, _follower=lambda: self.follower(False))
        self.steps.append(step)
        self.follower(True)
        try:
            yield step
        finally:
            step.seconds = step.elapsed
            self.follower(False)

    def count(self, tallies: Iterable[Tally]) -> None:
        """Add the tallies of a committed part to the ledger."""
        self.tallies.extend(tallies)
        if len(self.tallies) > MOST_TALLIES:
            self.tallies = merge(self.tallies)
