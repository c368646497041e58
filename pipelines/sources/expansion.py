"""Stops at files that expand to far more than any real data do: what they hold is the same a million times.

Compressed text is a third to a twentieth of the text, and a Parquet column seldom less than a hundredth. A file of a
few bytes can nevertheless decode to terabytes of valid rows, which no limit of a row or of a partition finds.
"""

from collections.abc import Iterator

import numpy as np
from fsspec.core import url_to_fs

from .base import Drop, RawBatch, Unit
from .batches import payloads

LEAST = 16 << 20  # bytes of rows that every file may have
RATIO = 256  # of the bytes of the rows to those of the file
ROW_BYTES = 64  # what a row is counted for beside its values


def expanding(unit: Unit, batches: Iterator[RawBatch]) -> Iterator[RawBatch]:
    """Yield batches until the rows have more than 256 times the bytes of the unit's file, and more than 16 MiB.

    The rest is dropped with the reason `expansion_too_large`, as row -1.
    """
    fs, path = url_to_fs(unit.path.rpartition("::")[2])
    stored = fs.size(path)
    most = None if stored is None else max(LEAST, RATIO * stored)
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
