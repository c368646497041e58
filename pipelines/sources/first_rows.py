"""The first rows of a source (`limit`), by file name, then by row.

A row is a line, record or sample that a reader reads or drops; a file that cannot be read, or the rest of a damaged
one, is one row, as in the ledger. Rows that later stages drop are not made up for. The limit is resolved once, before
any work is distributed, so it is the same on every engine: rows are counted in order until it is reached, and what
follows is neither opened nor hashed. Of the last unit only the head is read, and its digest covers the rows of the head
alone, so a file may grow behind it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ...schemas.identity import canonical_json, fingerprint
from .base import RawBatch, Reader, Unit

END = np.iinfo(np.int64).max  # place of a drop that stands for the rest of a file


def first_units(reader: Reader, units: Iterable[Unit], limit: int | None) -> list[Unit]:
    """Select the units that hold the first `limit` rows, the last one cut by `most`.

    Args:
        reader: Counts the rows of units that do not know theirs, by reading them.
        units: Units in order; taken one by one until the limit is reached.
        limit: Number of rows; None for all.
    """
    if limit is None:
        return list(units)
    chosen: list[Unit] = []
    left = limit
    for unit in units:
        rows = _count(reader, unit, left + 1) if unit.rows is None else unit.rows
        chosen.append(unit if rows <= left else replace(unit, rows=left, most=left))
        left -= rows
        if left <= 0:
            break
    return chosen


def _count(reader: Reader, unit: Unit, most: int) -> int:
    return sum(batch.rows for batch in reader.read(replace(unit, most=most)))


def first_rows(pieces: Iterable[RawBatch], most: int | None) -> Iterator[RawBatch]:
    """Cut pieces of a file, which are in order, after the first `most` rows and drops; None leaves them as they are."""
    left = most
    for piece in pieces:
        if left is not None:
            piece = _head(piece, left)
            left -= piece.rows
        yield piece
        if left == 0:
            return


def _head(piece: RawBatch, most: int) -> RawBatch:
    if piece.rows <= most:
        return piece
    rows = piece.table["row"].to_numpy()
    # a drop that stands for several is that of rows beyond `most`, since readers list so many of each reason
    drops = np.array([END if drop.row < 0 else drop.row for drop in piece.drops], np.int64)
    last = np.partition(np.concatenate([rows, drops]), most - 1)[most - 1]
    kept = [drop for drop, place in zip(piece.drops, drops, strict=True) if place <= last]
    return RawBatch(piece.table.slice(0, int(np.searchsorted(rows, last, side="right"))), kept)


def head_digest(batches: Iterable[RawBatch]) -> str:
    """Hash the values and drops of batches, however the rows are divided into them."""
    states: defaultdict[str, xxhash.xxh3_128] = defaultdict(xxhash.xxh3_128)
    for batch in batches:
        for drop in batch.drops:
            states["drops"].update(canonical_json([drop.file, drop.row, drop.reason, drop.detail]))
        for name in batch.table.column_names:
            column = batch.table[name]
            if pa.types.is_list(column.type):
                states[f"{name} lists"].update(pc.list_value_length(column).to_numpy().tobytes())
                column = pc.list_flatten(column)
            if pa.types.is_integer(column.type):
                states[name].update(column.to_numpy().tobytes())
                continue
            states[f"{name} sizes"].update(pc.fill_null(pc.binary_length(column), -1).to_numpy().tobytes())
            for value in column.cast(pa.binary()).drop_null().to_pylist():
                states[name].update(value)
    return fingerprint("head", {name: state.hexdigest() for name, state in sorted(states.items())})
