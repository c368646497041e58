"""Tasks that are ready to run; more become ready while others run."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

A = TypeVar("A")


class Todo(Generic[A]):
    """Items in the order in which they became ready, each with a number."""

    def __init__(self, items: Iterable[A] = ()) -> None:
        self._waiting: deque[tuple[int, A]] = deque(enumerate(items))
        self._next = len(self._waiting)

    def add(self, item: A) -> int:
        """Add an item and return its number."""
        number = self._next
        self._waiting.append((number, item))
        self._next += 1
        return number

    def take(self, most: int = 1) -> Iterator[tuple[int, A]]:
        """Take up to `most` items, with their numbers; they are removed as they are yielded."""
        for _ in range(most):
            if not self._waiting:
                return
            yield self._waiting.popleft()

    def __len__(self) -> int:
        return len(self._waiting)
