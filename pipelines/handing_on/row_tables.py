"""Exports packed rows as tables: Parquet, and the folder that `datasets.load_from_disk` reads."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.dataset.reader import Dataset
from .description import write_description
from .row_blocks import plain_schema, row_blocks, segment_fields

MATRICES = ("tokens", "segment", "modality")


def export_parquet(dataset: Dataset, folder: Path) -> None:
    """Write one Parquet file a shard, named so that `datasets.load_dataset(folder)` finds them as its split `train`.

    Args:
        dataset: The dataset.
        folder: An empty folder.

    Raises:
        Refusal: A shard is damaged.
    """
    (folder / "data").mkdir()
    schema = plain_schema(dataset, segment_fields(dataset))
    # a dictionary of ids would be given up after its first page, and their least and greatest values tell nothing
    chosen = [field.name for field in schema if field.name not in MATRICES]
    nested = [f"{name}.list.element.{field.name}" for name in chosen for field in schema.field(name).type.value_type]
    for number, entry in enumerate(dataset.manifest.shards):
        path = folder / "data" / _name(number, len(dataset.manifest.shards), "parquet")
        with pq.ParquetWriter(
            path, schema, compression="zstd", compression_level=1, use_dictionary=nested, write_statistics=nested
        ) as writer:
            for batch in row_blocks(dataset, entry, schema):
                writer.write_batch(batch)
    write_description(dataset, folder, "parquet")


def export_hf(dataset: Dataset, folder: Path) -> None:
    """Write Arrow files and the two JSON files of `Dataset.save_to_disk` of the library `datasets`.

    Args:
        dataset: The dataset.
        folder: An empty folder.

    Raises:
        Refusal: A shard is damaged.
    """
    import datasets

    manifest = dataset.manifest
    schema = plain_schema(dataset, segment_fields(dataset))
    features = datasets.Features.from_arrow_schema(schema)
    names = [_name(number, len(manifest.shards), "arrow", "data") for number in range(len(manifest.shards))]
    for name, entry in zip(names, manifest.shards, strict=True):
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, features.arrow_schema) as writer:
            for batch in row_blocks(dataset, entry, schema):
                writer.write_batch(batch.cast(features.arrow_schema))
    datasets.DatasetInfo(features=features, dataset_name=manifest.name).write_to_directory(str(folder))
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": manifest.fingerprint[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    (folder / "state.json").write_text(json.dumps(state, indent=2, sort_keys=True), encoding="utf-8")
    write_description(dataset, folder, "hf")


def _name(number: int, count: int, ending: str, stem: str = "train") -> str:
    return f"{stem}-{number:05d}-of-{count:05d}.{ending}"
