"""The shuffle: every part is split into buckets by a column; the rows of a bucket are then read from all parts.

A scattered part is one file with a record batch per bucket, so a shuffle of P parts into N buckets writes P files
instead of P x N, and a reader fetches only the batches it needs (ranges.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.dataset.tables import DROPPED
from ...schemas.identity import fingerprint
from ...schemas.storage.store import Store
from .partition import Outcome, Partition
from .ranges import SCATTERED, note_of, write_runs
from .stage import part_keys
from .take_rows import take_rows

SHUFFLE_VERSION = 2


def bucket_of(column: pa.ChunkedArray, into: int) -> npt.NDArray[np.int64]:
    """Return the bucket of each value.

    Args:
        column: Unsigned integers, or 16-byte hashes, of which the first 8 bytes are used.
        into: Number of buckets.
    """
    values = column.combine_chunks()
    if pa.types.is_fixed_size_binary(values.type):
        width = values.type.byte_width
        raw = np.frombuffer(values.buffers()[1], np.uint8)[values.offset * width :][: len(values) * width]
        keys = raw.reshape(-1, width)[:, :8].copy().view("<u8").ravel()
    else:
        keys = values.to_numpy().astype(np.uint64)
    return (keys % np.uint64(into)).astype(np.int64)


@dataclass(frozen=True)
class Scatter:
    """Sorts a part's rows by bucket, with one chunk per bucket; the note lists the buckets."""

    by: str
    into: int
    name: str = SCATTERED
    counted: bool = False

    def identity(self) -> list[object]:
        """Version, column, and number of buckets."""
        return [SHUFFLE_VERSION, self.by, self.into]

    def run(self, table: pa.Table) -> Outcome:
        """Return the same rows in another order; nothing is dropped."""
        bucket = bucket_of(table[self.by], self.into)
        table = take_rows(table, np.argsort(bucket, kind="stable")).combine_chunks()
        present, counts = np.unique(bucket, return_counts=True)
        starts = np.cumsum(counts) - counts
        chunks = [table.slice(start, count) for start, count in zip(starts.tolist(), counts.tolist(), strict=True)]
        table = pa.concat_tables(chunks) if chunks else table.slice(0, 0)
        batches = [batch for chunk in chunks for batch in chunk.to_batches()]
        return Outcome(table, DROPPED.empty_table(), note=note_of(present, batches, table.schema))


def origin_of(stage: Scatter, keys: Sequence[str]) -> str:
    """Return the key of a shuffle of partitions with these keys; it does not depend on how an engine shuffles."""
    scattered = part_keys(stage, [Partition(key, (), 0) for key in keys])
    return fingerprint("shuffle", SHUFFLE_VERSION, stage.by, stage.into, scattered)


def bucket_key(origin: str, bucket: int) -> str:
    """Return the key of a bucket of a shuffle."""
    return fingerprint(origin, bucket)


def buckets(
    store: Store, scattered: Sequence[Partition], keys: Sequence[str], by: str | None, numbers: range | None = None
) -> list[Partition]:
    """Return the parts after the shuffle, one per bucket, as references into the scattered files.

    Args:
        store: Gets the file with the places of all pieces.
        scattered: The parts of `Scatter`, or another part that lists buckets in the same way.
        keys: Keys of the buckets.
        by: The column by which rows are sorted when a bucket is loaded; None for no order.
        numbers: Their numbers, if they do not count from 0.
    """
    files = [PurePosixPath(part.pieces[0][0]) for part in scattered]
    folder = str(files[0].parent) if files else ""
    notes = [part.note for part in scattered]
    runs, rows = write_runs(store, folder, [file.stem for file in files], notes, numbers or range(len(keys)))
    return [
        Partition(key, (), count, sort_by=by, run=run if count else None)
        for key, run, count in zip(keys, runs, rows.tolist(), strict=True)
    ]
