"""Best-fit decreasing bin packing on a histogram of lengths.

Placing samples longest first, each into the row with the least sufficient room, wastes almost nothing and never splits
a sample. Samples of equal length are interchangeable, so whole runs are placed at once: the cost grows with the number
of distinct lengths, not of samples.
"""

from bisect import bisect_left, insort
from itertools import repeat

import numpy as np
import numpy.typing as npt


class _OpenRows:
    """Rows with room left, ordered by remaining room."""

    def __init__(self) -> None:
        self._rooms: list[int] = []
        self._rows: dict[int, list[int]] = {}

    def tightest(self, length: int) -> int | None:
        at = bisect_left(self._rooms, length)
        return self._rooms[at] if at < len(self._rooms) else None

    def take(self, room: int, count: int) -> list[int]:
        """Remove and return up to `count` rows with exactly `room` left, in the order in which they were added."""
        rows = self._rows[room]
        taken, left = rows[:count], rows[count:]
        if left:
            self._rows[room] = left
        else:
            del self._rows[room]
            self._rooms.pop(bisect_left(self._rooms, room))
        return taken

    def put(self, room: int, rows: list[int]) -> None:
        if not room or not rows:
            return
        if room not in self._rows:
            insort(self._rooms, room)
            self._rows[room] = rows
        else:
            self._rows[room].extend(rows)


def best_fit_decreasing(
    lengths: npt.ArrayLike, capacity: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Assign samples to rows.

    Ties are broken by the lower index and the row that was added first, so the result depends only on the arguments.

    Args:
        lengths: (n,) tokens of each sample, in 1..capacity.
        capacity: Tokens per row.

    Returns:
        (n,) row and (n,) start of every sample, and the number of rows.

    Raises:
        ValueError: A length is out of range.
    """
    lengths = np.asarray(lengths, np.int64)
    if lengths.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64), 0
    if lengths.min() < 1 or lengths.max() > capacity:
        raise ValueError(f"lengths {lengths.min()}..{lengths.max()} do not fit rows of 1..{capacity} tokens")
    order = np.argsort(-lengths, kind="stable")
    distinct, counts = np.unique(lengths, return_counts=True)
    rows_out: list[int] = []
    starts_out: list[int] = []
    open_rows, rows = _OpenRows(), 0
    for length, count in zip(distinct[::-1].tolist(), counts[::-1].tolist(), strict=True):
        while count:
            room = open_rows.tightest(length)
            # the row remains the tightest one while a sample fits, so it takes `each` samples at once
            each = (capacity if room is None else room) // length
            if room is None:
                room = capacity
                taken = list(range(rows, rows + max(count // each, 1)))
                rows += len(taken)
            else:
                taken = open_rows.take(room, max(count // each, 1))
            placed = min(each, count)
            _emit(rows_out, starts_out, taken, capacity - room, length, placed)
            open_rows.put(room - placed * length, taken)
            count -= placed * len(taken)
    row = np.empty(lengths.size, np.int64)
    start = np.empty(lengths.size, np.int64)
    row[order], start[order] = rows_out, starts_out
    return row, start, rows


def _emit(rows: list[int], starts: list[int], taken: list[int], used: int, length: int, each: int) -> None:
    if each == 1:
        rows.extend(taken)
        starts.extend(repeat(used, len(taken)))
        return
    run = range(used, used + each * length, length)
    for row in taken:
        rows.extend(repeat(row, each))
        starts.extend(run)
