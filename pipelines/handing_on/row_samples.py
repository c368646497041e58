"""Exports packed rows as samples: tars for WebDataset, and MDS for MosaicML Streaming.

MDS, version 2, is defined by
https://github.com/mosaicml/streaming/blob/main/streaming/base/format/mds/writer.py: a file holds the number of its
samples (uint32), the offsets at which they begin and the last ends (uint32), the columns as JSON, and the samples. A
sample holds the sizes (uint32) of its columns of varying size, and then the columns in the order of their names.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.dataset.file_entry import ShardEntry
from ...schemas.dataset.reader import Dataset
from .description import write_description
from .row_blocks import plain_schema, row_blocks, segment_fields
from .row_tables import MATRICES


def export_webdataset(dataset: Dataset, folder: Path) -> None:
    """Write one tar a shard; a sample is a row, with its arrays as `.npy` and its tables as `.json`.

    Args:
        dataset: The dataset.
        folder: An empty folder.

    Raises:
        Refusal: A shard is damaged.
    """
    import webdataset

    schema, row = plain_schema(dataset, segment_fields(dataset)), 0
    for number, entry in enumerate(dataset.manifest.shards):
        # the same bytes on every machine: no time, no name of a user
        with webdataset.TarWriter(str(folder / f"{number:06d}.tar"), mtime=0, user="", group="") as writer:
            for arrays, tables in _rows(dataset, entry, schema):
                members: dict[str, Any] = {f"{name}.npy": array for name, array in arrays.items()}
                members |= {f"{name}.json": table for name, table in tables.items()}
                writer.write({"__key__": f"{row:012d}", **members})
                row += 1
    write_description(dataset, folder, "webdataset")


def export_mds(dataset: Dataset, folder: Path) -> None:
    """Write files of MDS of at most a block of rows each, and `index.json`.

    Args:
        dataset: The dataset.
        folder: An empty folder.

    Raises:
        Refusal: A shard is damaged.
    """
    schema, length = plain_schema(dataset, segment_fields(dataset)), dataset.manifest.row_length
    columns: dict[str, tuple[str, int | None]] = {"segments": ("json", None), "spans": ("json", None)}
    for name in MATRICES:
        dtype = schema.field(name).type.value_type.to_pandas_dtype()
        columns[name] = (f"ndarray:{np.dtype(dtype).name}:{length}", np.dtype(dtype).itemsize * length)
    columns = dict(sorted(columns.items()))
    config = {
        "column_encodings": [encoding for encoding, _ in columns.values()],
        "column_names": list(columns),
        "column_sizes": [size for _, size in columns.values()],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": None,
        "version": 2,
    }
    head = json.dumps(config, sort_keys=True).encode()
    files: list[dict[str, Any]] = []
    for entry in dataset.manifest.shards:
        for batch in row_blocks(dataset, entry, schema):
            data = _mds_file([_mds_sample(*row, config["column_names"]) for row in _rows_of(batch)], head)
            name = f"shard.{len(files):05d}.mds"
            (folder / name).write_bytes(data)
            raw = {"basename": name, "bytes": len(data), "hashes": {}}
            files.append({**config, "raw_data": raw, "samples": len(batch), "zip_data": None})
    index = {"shards": files, "version": 2}
    (folder / "index.json").write_text(json.dumps(index, sort_keys=True), encoding="utf-8")
    write_description(dataset, folder, "mds")


Row = tuple[dict[str, Any], dict[str, Any]]


def _rows(dataset: Dataset, entry: ShardEntry, schema: pa.Schema) -> Iterator[Row]:
    for batch in row_blocks(dataset, entry, schema):
        yield from _rows_of(batch)


def _rows_of(batch: pa.RecordBatch) -> Iterator[Row]:
    """The arrays of each row, and its tables as JSON values: hashes are hexadecimal."""
    matrices = [batch.column(name).flatten().to_numpy().reshape(len(batch), -1) for name in MATRICES]
    for at in range(len(batch)):
        tables = {name: batch.column(name)[at].as_py() for name in ("segments", "spans")}
        yield dict(zip(MATRICES, (matrix[at] for matrix in matrices), strict=True)), _json(tables)


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_json(each) for each in value]
    return value.hex() if isinstance(value, bytes) else value


def _mds_sample(arrays: dict[str, Any], tables: dict[str, Any], names: Any) -> bytes:
    parts = {name: array.tobytes() for name, array in arrays.items()}
    parts |= {name: json.dumps(table).encode() for name, table in tables.items()}
    sizes = np.array([len(parts[name]) for name in names if name in tables], "<u4")
    return sizes.tobytes() + b"".join(parts[name] for name in names)


def _mds_file(samples: list[bytes], head: bytes) -> bytes:
    ends = np.cumsum([0, *map(len, samples)]) + 4 + 4 * (len(samples) + 1) + len(head)
    return np.uint32(len(samples)).tobytes() + ends.astype("<u4").tobytes() + head + b"".join(samples)
