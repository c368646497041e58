"""Groups rows or small tables into batches of about the size of a partition.

Where a batch ends depends only on the sizes of the rows, not on the blocks in which a reader gets them, so a reader may
read in blocks of any size.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .base import TEXTS, Drop, RawBatch, field_type
from .text_columns import is_list, list_bytes
from .unit_time import check_time

DROP_BYTES = 128  # size of a drop in a batch, so that a file of only bad rows is divided too
MOST_ROWS = 1 << 18  # of a batch, since also a row without a character takes a hundred bytes in memory
LONGEST_ROW = 1 << 30  # an Arrow array of strings or binaries is limited to 2 GiB


class BadRow(Exception):
    """A row that cannot be read, with the reason and detail for its drop."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def drop(self, row: int) -> Drop:
        """Return the drop for the ledger."""
        return Drop(row, self.reason, self.detail)


class LateDrop(Drop):
    """The drop of a row that was already counted in a batch, by None in its place."""


class RawRow(NamedTuple):
    """A good row; its values are in the order of the source's fields."""

    number: int
    values: tuple[str | bytes | tuple[str, ...] | None, ...]
    file: str = ""  # label of the row's file, where it is not that of the unit


def table(fields: Iterable[str], rows: list[RawRow], lists: bool = False) -> pa.Table:
    """Build a table of `row` and the source's fields; with `lists` the texts are lists."""
    columns = {"row": pa.array([row.number for row in rows], pa.int64())}
    for place, name in enumerate(fields):
        kind = TEXTS if lists and name == "text" else field_type(name)
        columns[name] = pa.chunked_array([pa.array([row.values[place] for row in rows], kind)])
    if any(row.file for row in rows):
        columns["file"] = pa.chunked_array([pa.array([row.file for row in rows], pa.string())])
    return pa.table(columns)


def gather(
    fields: Iterable[str], items: Iterable[RawRow | Drop | None], budget: int, lists: bool = False
) -> Iterator[RawBatch]:
    """Group rows and drops in file order into batches of at most `budget` payload bytes or one row.

    None stands for a row whose drop comes later, as a `LateDrop`, so that batches do not depend on when it is known.
    """
    rows: list[RawRow] = []
    drops: list[Drop] = []
    used = count = 0
    for item in items:
        check_time()
        late = isinstance(item, LateDrop)
        size = _payload(item) if isinstance(item, RawRow) else 0 if late else DROP_BYTES
        if (used + size > budget or len(rows) == MOST_ROWS) and count:
            if rows or drops:
                yield RawBatch(table(fields, rows, lists), drops)
            rows, drops, used, count = [], [], 0, 0
        used += size
        count += not late
        if isinstance(item, Drop):
            drops.append(item)
        elif item is not None:
            rows.append(item)
    if rows or drops:
        yield RawBatch(table(fields, rows, lists), drops)


def first_drops(batches: Iterable[RawBatch], most: int) -> Iterator[RawBatch]:
    """Count the drops of batches that are held together, except for the first of each file and reason."""
    listed: Counter[tuple[str, str]] = Counter()
    for batch in batches:
        drops: list[Drop] = []
        others: Counter[tuple[str, str]] = Counter()
        for drop in batch.drops:
            key = drop.file, drop.reason
            if listed[key] < most:
                listed[key] += 1
                drops.append(drop)
            else:
                others[key] += drop.rows
        drops += [Drop(-1, reason, file=file, count=count) for (file, reason), count in others.items()]
        yield RawBatch(batch.table, drops)


def regroup(pieces: Iterable[RawBatch], budget: int) -> Iterator[RawBatch]:
    """Split and join batches of any size into batches of at most `budget` payload bytes or one row."""
    held: list[pa.Table] = []
    drops: list[Drop] = []
    used = 0
    for piece in pieces:
        check_time()
        rows, ends = piece.table, np.cumsum(payloads(piece.table))
        start = before = 0
        while start < len(rows):
            stop = int(np.searchsorted(ends, before + budget - used, side="right"))
            stop = min(stop, start + MOST_ROWS - sum(map(len, held)))
            stop = max(stop, start if held else start + 1)
            if stop == start:
                yield RawBatch(pa.concat_tables(held), drops)
                held, drops, used = [], [], 0
                continue
            held.append(rows.slice(start, stop - start))
            used += int(ends[stop - 1]) - before
            start, before = stop, int(ends[stop - 1])
        drops += piece.drops
        used += DROP_BYTES * sum(drop.rows for drop in piece.drops)
        if used > budget or (piece.drops and not held):
            yield RawBatch(pa.concat_tables(held or [rows]), drops)
            held, drops, used = [], [], 0
    if held:
        yield RawBatch(pa.concat_tables(held), drops)


def _payload(row: RawRow) -> int:
    return sum(value_bytes(value) for value in row.values)


def value_bytes(value: str | bytes | tuple[str, ...] | None) -> int:
    """Return the size of a value, or of all texts of a list, in (UTF-8) bytes."""
    if isinstance(value, tuple):
        return sum(len(text.encode()) for text in value)
    return len(value.encode()) if isinstance(value, str) else len(value or b"")


def column_bytes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return the size of each string, binary or list of texts; 0 for null."""
    if is_list(column.type):
        return np.concatenate([np.zeros(0, np.int64), *(list_bytes(chunk) for chunk in column.chunks)])
    sizes: npt.NDArray[np.int64] = pc.fill_null(pc.binary_length(column), 0).to_numpy()
    return sizes


def payloads(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Return the size of the values of each row, in bytes."""
    sizes = np.zeros(len(rows), np.int64)
    for name in rows.column_names:
        if name not in ("row", "file"):
            sizes += column_bytes(rows[name])
    return sizes
