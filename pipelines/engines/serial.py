"""The serial engine: everything in this process, in order."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .base import Done, Engine, Measured

A = TypeVar("A")
B = TypeVar("B")


class Serial(Engine):
    """One task after another; what the other engines are tested against."""

    def each(self, task: Callable[[A], B], items: Sequence[A]) -> Iterator[Done[B]]:
        """Run every task here."""
        measured: Measured[A, B] = Measured(task)
        return (measured(index, item) for index, item in enumerate(items))

    def close(self) -> None:
        """Hold nothing, give nothing back."""
