"""A dataset as an earlier version left it: without the content of its documents."""

import json
import shutil
from pathlib import Path

import pyarrow as pa

from triptych.pipelines.pack.write import write_shard
from triptych.schemas.dataset.manifest import MANIFEST
from triptych.schemas.dataset.packed_row import READABLE, SEGMENT
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.storage.store import Store


def of_before(new: Path, old: Path) -> Path:
    """Rewrite a dataset as an earlier version would have: without content in its segments."""
    shutil.copytree(new, old)
    store, dataset = Store(str(old)), Dataset(str(new))
    entries = []
    for entry in dataset.manifest.shards:
        batch = dataset.open(entry).batch
        lists = batch.column("segments")
        fields = [field for field in SEGMENT if field.name not in ("content", "media")]
        values = pa.StructArray.from_arrays([lists.flatten().field(f.name) for f in fields], fields=fields)
        kind = pa.list_(pa.field("item", pa.struct(fields), nullable=False))
        columns = {name: batch.column(name) for name in batch.schema.names}
        columns["segments"] = pa.ListArray.from_arrays(lists.offsets, values, type=kind)
        contract = json.loads(batch.schema.metadata[b"triptych"]) | {"row_version": READABLE[0]}
        schema = batch.schema.set(batch.schema.get_field_index("segments"), pa.field("segments", kind, nullable=False))
        schema = schema.with_metadata({"triptych": json.dumps(contract, sort_keys=True)})
        batch = pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
        entries.append(write_shard(store, batch, entry.group, entry.tokens))
    update = {"shards": tuple(entries), "row_version": READABLE[0]}
    (old / MANIFEST).write_bytes(dataset.manifest.model_copy(update=update).sealed().to_bytes())
    return old
