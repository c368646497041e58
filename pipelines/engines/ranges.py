"""Where the rows of each bucket lie in a scattered part, so that a reader fetches these bytes and no others.

A scattered part is an Arrow file with a record batch for each bucket. The batches follow each other after the schema,
which is the *head* of the file; the note of the part has their lengths. The batches of one bucket are a run of entries
in one file of the store for the whole shuffle. Tasks read their run; the driver holds only where it begins and ends.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from ...schemas.identity import bytes_fingerprint
from ...schemas.storage.store import WORK, Store

SCATTERED = "shuffle"  # name of the stage, and of the folder of scattered parts
RANGES = f"{WORK}/ranges"
MAGIC = 8  # bytes of an Arrow file before the schema
# of the note of a scattered part: a batch for each bucket that is present, in this order
BATCH = np.dtype([("bucket", "<u4"), ("rows", "<u4"), ("length", "<u8")])
# of the file of a shuffle, sorted by bucket, then in the order of the parts
ENTRY = np.dtype([("part", "V16"), ("head", "<u4"), ("offset", "<u8"), ("length", "<u8")])

Entries = npt.NDArray[np.void]


class Run(NamedTuple):
    """The record batches of one bucket: a run of entries in the file of its shuffle."""

    file: str
    folder: str  # of the parts that hold the batches
    first: int
    entries: int


def note_of(buckets: npt.NDArray[np.int64], batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> dict[str, str]:
    """Return the note of a scattered part.

    Args:
        buckets: (n,) the buckets that are present.
        batches: Their n record batches.
        schema: Schema of the batches.
    """
    described = np.zeros(len(batches), BATCH)
    described["bucket"] = buckets
    described["rows"] = [batch.num_rows for batch in batches]
    described["length"] = [pa.ipc.get_record_batch_size(batch) for batch in batches]
    kind = xxhash.xxh3_64_hexdigest(schema.remove_metadata().serialize())
    return {"batches": base64.b64encode(described.tobytes()).decode("ascii"), "schema": kind, "head": f"{0:010d}"}


def with_head(note: Mapping[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """Add to the note of a scattered part where its first batch begins; the length of the note stays the same.

    Args:
        note: The note.
        schema: Schema of the file, with the note in its metadata.
    """
    return {**note, "head": f"{MAGIC + schema.serialize().size:010d}"}


def batches_of(note: Mapping[str, Any]) -> Entries:
    """Return the batches that the note of a scattered part describes."""
    return np.frombuffer(base64.b64decode(note["batches"]), BATCH)


def end_of(note: Mapping[str, Any]) -> int:
    """Return where the last batch of a scattered part ends."""
    return int(note["head"]) + int(batches_of(note)["length"].sum())


def write_runs(
    store: Store, folder: str, keys: Sequence[str], notes: Sequence[Mapping[str, Any]], numbers: range
) -> tuple[list[Run], npt.NDArray[np.int64]]:
    """Write the file of a shuffle.

    Args:
        store: The store.
        folder: Folder of the scattered parts.
        keys: Their keys.
        notes: Their notes.
        numbers: The n buckets, of which the parts have no others.

    Returns:
        For each bucket its run; (n,) number of rows.

    Raises:
        ValueError: The parts have different columns.
    """
    if len({note["schema"] for note in notes}) > 1:
        raise ValueError("the partitions of a shuffle differ in their columns")
    counts, rows = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.int64)
    for note in notes:
        batches = batches_of(note)
        at = _place(batches, numbers)
        counts[at] += 1
        rows[at] += batches["rows"]
    starts = np.cumsum(counts) - counts
    entries, free = np.zeros(int(counts.sum()), ENTRY), starts.copy()
    for key, note in zip(keys, notes, strict=True):
        batches = batches_of(note)
        bucket = _place(batches, numbers)
        at = free[bucket]
        entries["part"][at] = np.void(bytes.fromhex(key))
        entries["head"][at] = int(note["head"])
        entries["offset"][at] = int(note["head"]) + np.cumsum(batches["length"]) - batches["length"]
        entries["length"][at] = batches["length"]
        free[bucket] += 1
    name = f"{RANGES}/{bytes_fingerprint([entries.view(np.uint8).data])}.bin"
    if not store.exists(name):
        store.write(name, pa.py_buffer(entries))
    runs = [Run(name, folder, first, count) for first, count in zip(starts.tolist(), counts.tolist(), strict=True)]
    return runs, rows


def _place(batches: Entries, numbers: range) -> npt.NDArray[np.integer]:
    """Return the place of the bucket of each batch among some numbers."""
    place: npt.NDArray[np.integer] = (batches["bucket"] - np.uint32(numbers.start)) // np.uint32(numbers.step)
    return place


def read_run(store: Store, run: Run) -> pa.Table:
    """Read the rows of one bucket, in the order of the parts that they come from."""
    width = ENTRY.itemsize
    (data,) = store.read_ranges([(run.file, run.first * width, (run.first + run.entries) * width)])
    entries = np.frombuffer(data, ENTRY)
    names = [f"{run.folder}/{part.tobytes().hex()}.arrow" for part in entries["part"]]
    ends = entries["offset"] + entries["length"]
    ranges = zip(names, entries["offset"].tolist(), ends.tolist(), strict=True)
    head, *batches = store.read_ranges([(names[0], 0, int(entries["head"][0])), *ranges])
    schema = pa.ipc.read_schema(head.slice(MAGIC))
    table = pa.Table.from_batches([pa.ipc.read_record_batch(batch, schema) for batch in batches], schema)
    return table.replace_schema_metadata(None)
