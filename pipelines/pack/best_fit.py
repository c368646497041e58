"""Best-fit decreasing on a histogram of lengths.

Placing samples longest first, each into the tightest row that still has room, wastes almost nothing and never
cuts a sample. Samples of one length are interchangeable, so whole runs are placed at once: the cost grows with
the distinct lengths, not with the samples.
"""

from bisect import bisect_left, insort
from itertools import repeat

import numpy as np
import numpy.typing as npt


class _OpenRows:
    """Rows with room left, by remaining room."""

    def __init__(self) -> None:
        self._rooms: list[int] = []
        self._rows: dict[int, list[int]] = {}

    def tightest(self, length: int) -> int | None:
        at = bisect_left(self._rooms, length)
        return self._rooms[at] if at < len(self._rooms) else None

    def take(self, room: int, count: int) -> list[int]:
        """Up to `count` rows with just `room` left, those that have had it longest first."""
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
    """Row and start of every sample, and the number of rows.

    lengths: (n,) tokens a sample, each in 1..capacity; ValueError otherwise. Ties go to the lower index and
    the row that came to its room first, so the result is a function of the arguments alone.
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
            # the tightest row stays the tightest while it has room, so it takes `each` in a go
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
