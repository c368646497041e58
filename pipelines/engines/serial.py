"""The serial engine: everything in this process, in order."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from .base import Engine, MeasuredTask, TaskResult
from .todo import Todo

A = TypeVar("A")
B = TypeVar("B")


class Serial(Engine):
    """Runs one task after another; the other engines are tested against it."""

    def each(self, task: Callable[[A], B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        """Run every task in this process."""
        measured: MeasuredTask[A, B] = MeasuredTask(task)
        while todo:
            for index, item in todo.take():
                yield measured(index, item)

    def close(self) -> None:
        """Do nothing; there is nothing to release."""
