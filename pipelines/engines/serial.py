"""The serial engine: everything in this process, in order."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .base import Engine, MeasuredTask, TaskResult

A = TypeVar("A")
B = TypeVar("B")


class Serial(Engine):
    """One task after another; what the other engines are tested against."""

    def each(self, task: Callable[[A], B], items: Sequence[A]) -> Iterator[TaskResult[B]]:
        """Run every task here."""
        measured: MeasuredTask[A, B] = MeasuredTask(task)
        return (measured(index, item) for index, item in enumerate(items))

    def close(self) -> None:
        """Hold nothing, give nothing back."""
