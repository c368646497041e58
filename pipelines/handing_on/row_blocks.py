"""Reads the packed rows of a dataset in blocks of bounded size, with types that every reader of Arrow knows."""

from collections.abc import Iterator

import pyarrow as pa

from ...schemas.dataset.file_entry import ShardEntry
from ...schemas.dataset.packed_row import SEGMENT
from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.tables import KEPT

BLOCK_BYTES = 32 << 20  # tokens, segments and modalities of the rows that are in memory at a time


def segment_fields(dataset: Dataset) -> list[pa.Field]:
    """The fields of a segment in any shard of the dataset, with strings in place of dictionaries."""
    present: set[str] = set()
    for entry in dataset.manifest.shards:
        present |= {field.name for field in dataset.open(entry).batch.column("segments").type.value_type}
    return [_plain(field) for field in (*SEGMENT, KEPT) if field.name in present]


def _plain(field: pa.Field) -> pa.Field:
    return field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field


def plain_segments(lists: pa.ListArray, fields: list[pa.Field]) -> pa.StructArray:
    """Return all segments of some rows with these fields, null where a shard lacks one."""
    flat = lists.flatten()
    have = {field.name for field in flat.type}
    columns = [
        flat.field(field.name).cast(field.type) if field.name in have else pa.nulls(len(flat), field.type)
        for field in fields
    ]
    return pa.StructArray.from_arrays(columns, fields=fields)


def plain_schema(dataset: Dataset, fields: list[pa.Field]) -> pa.Schema:
    """The schema of the rows of `row_blocks`, given the fields of a segment."""
    first = dataset.open(dataset.manifest.shards[0]).batch.schema.remove_metadata()
    segments = pa.list_(pa.field("item", pa.struct(fields), nullable=False))
    return first.set(first.get_field_index("segments"), pa.field("segments", segments, nullable=False))


def row_blocks(dataset: Dataset, entry: ShardEntry, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Iterate over the rows of a shard in batches of about BLOCK_BYTES.

    Args:
        dataset: The dataset.
        entry: The shard.
        schema: The schema of the batches, from `plain_schema`.

    Raises:
        Refusal: The shard is damaged.
    """
    batch = dataset.open(entry).batch
    row_bytes = sum(batch.column(name).nbytes for name in ("tokens", "segment", "modality")) // max(len(batch), 1)
    rows = max(1, BLOCK_BYTES // max(row_bytes, 1))
    fields = list(schema.field("segments").type.value_type)
    for start in range(0, len(batch), rows):
        part = batch.slice(start, rows)
        lists = part.column("segments")
        offsets = pa.array(lists.offsets.to_numpy() - lists.offsets[0].as_py(), pa.int32())
        segments = pa.ListArray.from_arrays(offsets, plain_segments(lists, fields), type=schema.field("segments").type)
        columns = {name: part.column(name) for name in part.schema.names} | {"segments": segments}
        yield pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
