"""Stops at files that expand to far more than any real data do: what they hold is the same a million times.

Compressed text is a third to a twentieth of the text, and a Parquet column seldom less than a hundredth. A file of a
few bytes can nevertheless decode to terabytes of valid rows, which no limit of a row or of a partition finds.
"""

from collections.abc import Iterator

import numpy as np
from fsspec.core import url_to_fs

from .base import Drop, RawBatch, Unit
from .batches import payloads
from .streams import Broken, ByteStream

LEAST = 16 << 20  # bytes of rows that every file may have
RATIO = 256  # of the bytes of the rows to those of the file
ROW_BYTES = 64  # what a row is counted for beside its values


def expanding(unit: Unit, batches: Iterator[RawBatch]) -> Iterator[RawBatch]:
    """Yield batches until the rows have more than 256 times the bytes of the unit's file, and more than 16 MiB.

    The rest is dropped with the reason `expansion_too_large`, as row -1.
    """
    stored, most = _sizes(unit.path)
    used = 0
    for batch in batches:
        ends = used + np.cumsum(payloads(batch.table) + ROW_BYTES)
        used = int(ends[-1]) if len(ends) else used
        if most is not None and used > most:
            detail = f"the rows have more than {most} bytes, the file {stored}; to read all, store it uncompressed"
            rows = batch.table.slice(0, int(np.searchsorted(ends, most, side="right")))
            yield RawBatch(rows, [*batch.drops, Drop(-1, "expansion_too_large", detail)])
            return
        yield batch


def table_blocks(url: str, stream: ByteStream) -> Iterator[bytes]:
    """Yield the blocks of a table of captions, as far as they are at most 256 times the bytes of its file.

    Such a table is read line by line, or item by item, so its time is bounded too.

    Raises:
        Broken: The table goes on after that (or after 16 MiB, if that is more), or is damaged.
    """
    stored, most = _sizes(url)
    used = 0
    for block in stream.blocks():
        used += len(block)
        if most is not None and used > most:
            raise _Expanding(f"the table has more than {most} bytes, its file {stored}; store it uncompressed")
        yield block


class _Expanding(Broken):
    reason = "expansion_too_large"


def _sizes(url: str) -> tuple[int | None, int | None]:
    """Return the size of a file, or of the archive that holds it, and the most that it may hold; None if unknown."""
    fs, path = url_to_fs(url.rpartition("::")[2])
    try:
        stored = fs.size(path)
    except FileNotFoundError:  # vanished, of which whoever reads it says more
        return None, None
    return stored, None if stored is None else max(LEAST, RATIO * stored)
