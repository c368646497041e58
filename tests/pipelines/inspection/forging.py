"""Datasets changed as a bug would change them: with every checksum and seal made to fit again."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from triptych.pipelines.inspection.verify import Finding, verify
from triptych.schemas.dataset.manifest import parse_manifest
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Vocabulary

Change = Callable[[list[dict[str, Any]], Vocabulary], None]


def findings(dataset: Path) -> list[Finding]:
    """What verify finds; an unreadable manifest is a finding, too."""
    try:
        return verify(str(dataset))[1]
    except Refusal as refusal:
        return [Finding("manifest.json", str(refusal))]


def rewrite(dataset: Path, group: str, change: Change) -> None:
    """Change the rows of a group's shard, and make every checksum and seal fit again."""
    manifest = Dataset(str(dataset)).manifest
    (entry,) = [entry for entry in manifest.shards if entry.group == group]
    with pa.ipc.open_file(pa.BufferReader((dataset / entry.file).read_bytes())) as reader:
        table = reader.read_all()
    rows = table.to_pylist()
    change(rows, manifest.vocabulary)
    # dictionary columns within lists cannot be made from Python values, so they are put back as they were
    batch = from_rows(rows, table)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_batch(batch)
    data = sink.getvalue()
    (dataset / entry.file).write_bytes(data)
    new = entry.model_copy(update={"bytes": len(data), "xxh3": xxhash.xxh3_128_hexdigest(data), "rows": len(rows)})
    shards = tuple(new if old == entry else old for old in manifest.shards)
    reseal(dataset, {"shards": shards})


def from_rows(rows: list[dict[str, Any]], like: pa.Table) -> pa.RecordBatch:
    """Rows of a shard as its record batch."""
    columns = []
    for field in like.schema:
        values = [row[field.name] for row in rows]
        if field.name != "segments":
            columns.append(pa.array(values, field.type))
            continue
        struct = field.type.value_type
        flat = [segment for segments in values for segment in segments]
        arrays = []
        for entry in struct:
            column = [segment[entry.name] for segment in flat]
            if pa.types.is_dictionary(entry.type):
                arrays.append(pa.array(column, pa.string()).dictionary_encode().cast(entry.type))
            else:
                arrays.append(pa.array(column, entry.type))
        offsets = [0]
        for segments in values:
            offsets.append(offsets[-1] + len(segments))
        inner = pa.StructArray.from_arrays(arrays, fields=list(struct))
        columns.append(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), inner, type=field.type))
    return pa.RecordBatch.from_arrays(columns, schema=like.schema)


def reseal(dataset: Path, update: dict[str, Any]) -> None:
    """Write the manifest with another value of some fields and seals that fit."""
    manifest = parse_manifest((dataset / "manifest.json").read_bytes(), "here")
    (dataset / "manifest.json").write_bytes(manifest.model_copy(update=update).sealed().to_bytes())
