"""A shard is one record batch in a file that is named by its bytes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash

from triptych.pipelines.pack.write import shard_batch, write_shard
from triptych.schemas.dataset.packed_row import row_schema
from triptych.schemas.dataset.reader import Shard
from triptych.schemas.storage.store import Store
from triptych.schemas.vocabulary import Vocabulary

SCHEMA = row_schema(Vocabulary(text=50), 16, {"group": "text"})


def batch_of(rows: int, first: int) -> pa.RecordBatch:
    """Rows of ascending ids without segments."""
    tokens = (first + np.arange(16 * rows, dtype=np.uint16)).reshape(rows, 16)
    empty = np.zeros((rows, 16), np.uint8)
    segments, spans = (pa.array([[]] * rows, SCHEMA.field(name).type) for name in ("segments", "spans"))
    return shard_batch(SCHEMA, {"tokens": tokens, "segment": empty, "modality": empty}, segments, spans)


def test_a_shard_is_read_back_and_named_by_its_bytes(tmp_path: Path) -> None:
    entry = write_shard(Store(str(tmp_path)), batch_of(3, 100), "text", {"text": 48})
    data = (tmp_path / entry.file).read_bytes()
    assert entry.xxh3 == xxhash.xxh3_128_hexdigest(data)
    assert entry.file == f"shards/text-{entry.xxh3[:16]}.arrow"
    assert (entry.bytes, entry.rows, entry.group, entry.tokens) == (len(data), 3, "text", {"text": 48})
    shard = Shard(pa.BufferReader(data))
    assert shard.matrix("tokens").tolist() == np.arange(100, 148).reshape(3, 16).tolist()
    assert (shard.rows, shard.contract["row_length"], shard.contract["group"]) == (3, 16, "text")


def test_the_same_rows_have_the_same_name_wherever_they_are_written(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    entries = [
        write_shard(store, batch_of(2, first), "text", {}, below) for first, below in ((0, ""), (0, "new/"), (1, ""))
    ]
    assert entries[0] == entries[1]
    assert entries[0].file != entries[2].file
    assert store.names("") == sorted([entries[0].file, f"new/{entries[0].file}", entries[2].file])
