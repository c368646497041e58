"""Writes shards: one record batch each, in a file named by its content."""

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from ...schemas.dataset.file_entry import ShardEntry
from ...schemas.storage.hashing_file import HashingFile
from ...schemas.storage.store import Store


def shard_batch(
    schema: pa.Schema, matrices: Mapping[str, npt.NDArray[Any]], segments: pa.Array, spans: pa.Array
) -> pa.RecordBatch:
    """Build the record batch of a shard from its (rows, row_length) matrices by name and its two tables."""
    columns = [
        pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), type=schema.field(name).type)
        for name, matrix in matrices.items()
    ]
    return pa.RecordBatch.from_arrays([*columns, segments, spans], schema=schema)


def write_shard(
    store: Store, batch: pa.RecordBatch, group: str, tokens: Mapping[str, int], below: str = ""
) -> ShardEntry:
    """Write `shards/<group>-<digest>.arrow`; the digest prevents confusion with shards of other runs.

    Args:
        store: The store.
        batch: The rows.
        group: Name of the group of rows.
        tokens: Number of codes by modality, for the manifest entry.
        below: Folder of the store, with a trailing slash.
    """
    digest, size = "", 0

    def name() -> str:
        return f"shards/{group}-{digest[:16]}.arrow"

    with store.create(lambda: below + name()) as sink:
        hashing = HashingFile(sink)
        with pa.ipc.new_file(pa.PythonFile(hashing, mode="w"), batch.schema) as writer:
            writer.write_batch(batch)
        digest, size = hashing.hexdigest(), hashing.tell()
    return ShardEntry(file=name(), bytes=size, xxh3=digest, group=group, rows=batch.num_rows, tokens=dict(tokens))
