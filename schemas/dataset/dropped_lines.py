"""Bounds the list of dropped rows: the first rows of each file and reason are listed, the others counted together.

Which rows are listed depends on their numbers alone, not on the partitions that they are in, nor on the order in which
these are seen. A line that stands for several rows has their number in `rows`, and -1 as its row.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .tables import DROPPED, ROWS

MORE = "further rows, which are counted only; limits.ledger_rows is how many are listed"
GROUP = ("stage", "source", "file", "reason")


class Group(NamedTuple):
    """What dropped rows have in common that are bounded together."""

    stage: str
    source: str
    file: str
    reason: str


def row_counts(lines: pa.Table) -> npt.NDArray[np.int64]:
    """Return the number of rows that each line stands for."""
    if ROWS.name not in lines.column_names:
        return np.ones(len(lines), np.int64)
    counts: npt.NDArray[np.int64] = pc.fill_null(lines[ROWS.name], 1).to_numpy()
    return counts


class FirstRows:
    """Chooses the lines to keep; `see` is called for all tables before `take` is for any.

    Args:
        most: Rows of a file and reason that are listed.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._first: dict[Group, npt.NDArray[np.int64]] = {}  # the least numbers of listed rows
        self._total: Counter[Group] = Counter()
        self._last_left: dict[Group, int] = {}  # how many lines of the greatest of these numbers are still to be taken

    def see(self, lines: pa.Table) -> None:
        """Count the rows of a table of dropped rows."""
        rows, counts, single = lines["row"].to_numpy(), row_counts(lines), _single(lines)
        for group, at in _groups(lines):
            self._total[group] += int(counts[at].sum())
            found = np.concatenate([self._first.get(group, np.zeros(0, np.int64)), rows[at[single[at]]]])
            self._first[group] = np.sort(found)[: self._most]

    def take(self, lines: pa.Table) -> pa.Table:
        """Return the lines of a table that are listed, without those that stand for several rows.

        Of a file and reason that `see` was not called for, all are.
        """
        rows, keep = lines["row"].to_numpy(), _single(lines)
        for group, at in _groups(lines):
            first: Any = self._first.get(group, ())
            at = at[keep[at]]
            if not len(at) or len(first) < self._most:
                continue
            last = int(first[-1])
            left = self._last_left.setdefault(group, int((first == last).sum()))
            ties = at[rows[at] == last]
            keep[at[rows[at] > last]] = False
            keep[ties[left:]] = False
            self._last_left[group] = max(0, left - len(ties))
        return lines.filter(pa.array(keep))

    def others(self) -> pa.Table:
        """Return a line for each file and reason with rows that are not listed."""
        left = {group: self._total[group] - len(first) for group, first in self._first.items()}
        lines = [
            {**group._asdict(), "row": -1, "detail": MORE, ROWS.name: count} for group, count in left.items() if count
        ]
        return pa.Table.from_pylist(lines, DROPPED.append(ROWS))


def bounded(lines: pa.Table, most: int) -> pa.Table:
    """Return dropped rows with at most `most` listed for each file and reason; their order stays."""
    if len(lines) <= most and ROWS.name not in lines.column_names:
        return lines
    chosen = FirstRows(most)
    chosen.see(lines)
    listed, others = chosen.take(lines), chosen.others()
    if not len(others):
        return listed
    return pa.concat_tables([listed, others], promote_options="default")


def _single(lines: pa.Table) -> npt.NDArray[np.bool_]:
    if ROWS.name not in lines.column_names:
        return np.ones(len(lines), bool)
    single: npt.NDArray[np.bool_] = np.array(lines[ROWS.name].is_null().to_numpy())
    return single


def _groups(lines: pa.Table) -> Iterator[tuple[Group, npt.NDArray[np.int64]]]:
    """Yield each group of a table with the indices of its lines, in order of first appearance."""
    if not len(lines):
        return
    code = np.zeros(len(lines), np.int64)
    for name in GROUP:
        column = lines[name].combine_chunks().dictionary_encode()
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        code = np.unique(code * len(column.dictionary) + column.indices.to_numpy(), return_inverse=True)[1]
    order = np.argsort(code, kind="stable")
    pieces = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    for at in sorted(pieces, key=lambda piece: int(piece[0])):
        first = int(at[0])
        yield Group(*(lines[name][first].as_py() for name in GROUP)), at
