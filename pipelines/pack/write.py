"""A shard as a file: one record batch, in a file that is named by its content."""

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import pyarrow as pa
import xxhash

from ...schemas.dataset.manifest import ShardEntry
from ...schemas.storage.store import Store


def shard_batch(
    schema: pa.Schema, matrices: Mapping[str, npt.NDArray[Any]], segments: pa.Array, spans: pa.Array
) -> pa.RecordBatch:
    """The record batch of a shard from its (rows, row_length) matrices by name and its tables."""
    columns = [
        pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), type=schema.field(name).type)
        for name, matrix in matrices.items()
    ]
    return pa.RecordBatch.from_arrays([*columns, segments, spans], schema=schema)


def write_shard(
    store: Store, batch: pa.RecordBatch, group: str, tokens: Mapping[str, int], below: str = ""
) -> ShardEntry:
    """Write `shards/<group>-<digest>.arrow` below a folder of the store; a shard of another run is never taken for it.

    tokens: codes by modality.
    """
    digest = xxhash.xxh3_128()
    size = 0

    def name() -> str:
        return f"shards/{group}-{digest.hexdigest()[:16]}.arrow"

    with store.create(lambda: below + name()) as sink:
        with pa.ipc.new_file(pa.PythonFile(_Hashing(sink, digest), mode="w"), batch.schema) as writer:
            writer.write_batch(batch)
        size = sink.tell()
    return ShardEntry(
        file=name(), bytes=size, xxh3=digest.hexdigest(), group=group, rows=batch.num_rows, tokens=dict(tokens)
    )


class _Hashing:
    """A file that hashes what it passes on: a shard is named by its content and written once."""

    closed = False

    def __init__(self, sink: pa.NativeFile, digest: Any) -> None:
        self._sink, self._digest = sink, digest

    def write(self, data: Any) -> None:
        self._digest.update(data)
        self._sink.write(data)

    def tell(self) -> int:
        return int(self._sink.tell())

    def flush(self) -> None:
        self._sink.flush()
