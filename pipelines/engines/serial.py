"""The serial engine: everything in this process, in order."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .base import Engine, MeasuredTask, TaskResult

A = TypeVar("A")
B = TypeVar("B")


class Serial(Engine):
    """Runs one task after another; the other engines are tested against it."""

    def each(self, task: Callable[[A], B], items: Sequence[A]) -> Iterator[TaskResult[B]]:
        """Run every task in this process."""
        measured: MeasuredTask[A, B] = MeasuredTask(task)
        return (measured(index, item) for index, item in enumerate(items))

    def close(self) -> None:
        """Do nothing; there is nothing to release."""
