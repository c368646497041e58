"""Groups of items that one task of a cluster works through, so that a short item does not cost a task of its own.

A task costs the driver and the scheduler some milliseconds, whatever it does. A group has as many items as make about
SECONDS of work, by what the last items of their kind took. Each item still commits its own result, so a worker that
dies loses the one that it was at.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

from .base import MeasuredTask, TaskResult
from .chain import unless_committed
from .todo import Todo

A = TypeVar("A")
B = TypeVar("B")

SECONDS = 2.0  # of work in a group
MOST = 256  # items of a group
KEPT = 32  # durations of each kind that are remembered
SHARE = 8  # groups for each worker that waiting items are enough for, so that no worker waits for another at the end


@dataclass(frozen=True)
class RunGroup(Generic[A, B]):
    """The task on a group: the task of the engine on each item."""

    measured: MeasuredTask[A, B]

    def __call__(self, items: Sequence[tuple[int, A]]) -> list[TaskResult[B]]:
        """Run the items one after another; those that were committed before the group was begun again are kept."""
        if len(items) > 1:
            items = unless_committed(items)
        return [self.measured(number, item) for number, item in items]


class Groups(Generic[A]):
    """Divides what waits into groups of items of one kind, the oldest first.

    Args:
        todo: The items; more may be added at any time.
        kind: Returns the kind of an item. Items of a kind take about the same time.
    """

    def __init__(self, todo: Todo[A], kind: Callable[[A], str]) -> None:
        self._todo, self._kind = todo, kind
        self._waiting: dict[str, deque[tuple[int, A]]] = {}
        self._took: dict[str, deque[float]] = {}

    def finished(self, kind: str, seconds: float) -> None:
        """Remember how long an item took."""
        self._took.setdefault(kind, deque(maxlen=KEPT)).append(seconds)

    def take(self, workers: int) -> list[tuple[int, A]]:
        """Take the next group, for one of `workers`; empty if nothing waits."""
        for number, item in self._todo.take(len(self._todo)):
            self._waiting.setdefault(self._kind(item), deque()).append((number, item))
        if not self._waiting:
            return []
        kind = min(self._waiting, key=lambda each: self._waiting[each][0][0])
        waiting = self._waiting[kind]
        group = [waiting.popleft() for _ in range(self._size(kind, len(waiting), workers))]
        if not waiting:
            del self._waiting[kind]
        return group

    def _size(self, kind: str, waiting: int, workers: int) -> int:
        took = self._took.get(kind, ())
        if not took:
            return 1
        wanted = SECONDS / max(median(took), SECONDS / MOST)
        return max(1, min(int(wanted), len(took) * SHARE, waiting // (SHARE * workers)))
