"""Writing packed rows and reading random ones: Triptych's shards beside Parquet and WebDataset.

    python -m benchmarks.shards [--rows 6000] [--reads 2000] [--repeats 3] [--json]

The same tokens, segment ids and modalities in each. A read gives all three arrays of one random row; WebDataset has
no random access, so it is read in sequence, as its users do. Files are in the page cache.
"""

import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from triptych.schemas.dataset.packed_row import SEGMENT, SPAN, row_schema
from triptych.schemas.dataset.reader import Shard
from triptych.schemas.vocabulary import Vocabulary

from .measure import show, spread

L = 4096


def make_batch(rows: int) -> pa.RecordBatch:
    """Rows of uint16 tokens with segments of about 300 tokens."""
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary(text=32_000, image=16_384, audio=(1024,) * 4)
    schema = row_schema(vocabulary, L, {"group": "benchmark"})
    arrays: dict[str, Any] = {
        "tokens": rng.integers(256, vocabulary.size, (rows, L)).astype(np.uint16),
        "segment": (np.arange(L) // 300 + 1).astype(np.uint16)[None].repeat(rows, 0),
        "modality": rng.integers(1, 4, (rows, L)).astype(np.uint8),
    }
    columns = [
        pa.FixedSizeListArray.from_arrays(pa.array(array.reshape(-1)), type=schema.field(name).type)
        for name, array in arrays.items()
    ]
    columns += [pa.array([[]] * rows, pa.list_(pa.field("item", kind, nullable=False))) for kind in (SEGMENT, SPAN)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def write_ipc(batch: pa.RecordBatch, path: Path) -> None:
    """Triptych's shard."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def write_parquet(batch: pa.RecordBatch, path: Path) -> None:
    """Zstandard, small row groups for random access."""
    pq.write_table(pa.Table.from_batches([batch]).select([0, 1, 2]), path, compression="zstd", row_group_size=64)


def write_webdataset(batch: pa.RecordBatch, path: Path) -> None:
    """One .npz a row."""
    import webdataset

    shard = Shard(_memory(batch))
    matrices = [shard.matrix(name) for name in ("tokens", "segment", "modality")]
    with webdataset.TarWriter(str(path)) as writer:
        for row in range(batch.num_rows):
            sink = io.BytesIO()
            np.savez(sink, *(matrix[row] for matrix in matrices))
            writer.write({"__key__": f"{row:09d}", "npz": sink.getvalue()})


def _memory(batch: pa.RecordBatch) -> pa.NativeFile:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return pa.BufferReader(sink.getvalue())


def read_ipc(path: Path, rows: list[int]) -> int:
    """Views of the memory map, touched by a sum."""
    shard = Shard(pa.memory_map(str(path)))
    matrices = [shard.matrix(name) for name in ("tokens", "segment", "modality")]
    return sum(int(matrix[row].sum()) for row in rows for matrix in matrices)


def read_parquet(path: Path, rows: list[int]) -> int:
    """The row group that holds the row."""
    file = pq.ParquetFile(path)
    total = 0
    for row in rows:
        table = file.read_row_group(row // 64)
        total += sum(int(table[name].combine_chunks()[row % 64].values.to_numpy().sum()) for name in table.column_names)
    return total


def read_webdataset(path: Path, rows: list[int]) -> int:
    """In sequence, as many as `rows`."""
    import webdataset

    total = 0
    for _, sample in zip(rows, webdataset.WebDataset(str(path), shardshuffle=False), strict=False):
        with np.load(io.BytesIO(sample["npz"])) as arrays:
            total += sum(int(arrays[name].sum()) for name in arrays.files)
    return total


FORMATS: dict[str, tuple[Callable[[pa.RecordBatch, Path], None], Callable[[Path, list[int]], int], int]] = {
    "triptych": (write_ipc, read_ipc, 1),
    "parquet": (write_parquet, read_parquet, 20),
    "webdataset": (write_webdataset, read_webdataset, 4),
}


@click.command()
@click.option("--rows", default=6000, show_default=True)
@click.option("--reads", default=2000, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(rows: int, reads: int, repeats: int, as_json: bool) -> None:
    """Write and read ROWS packed rows in three formats, in turn."""
    batch = make_batch(rows)
    order = np.random.default_rng(1).integers(0, rows, reads).tolist()
    write: dict[str, list[float]] = {name: [] for name in FORMATS}
    read: dict[str, list[float]] = {name: [] for name in FORMATS}
    megabytes: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(repeats):
            for name, (writer, reader, fewer) in FORMATS.items():
                path = Path(scratch) / name
                start = time.perf_counter()
                writer(batch, path)
                write[name].append(rows / (time.perf_counter() - start))
                some = order[: reads // fewer]
                start = time.perf_counter()
                reader(path, some)
                read[name].append(len(some) / (time.perf_counter() - start))
                megabytes[name] = round(path.stat().st_size / 1e6, 1)
    figures = {f"{name}: rows written a second": spread(values) for name, values in write.items()}
    figures |= {f"{name}: rows read a second": spread(values) for name, values in read.items()}
    show(f"Rows of {L} tokens, segments and modalities", figures, {"megabytes": megabytes}, as_json)


if __name__ == "__main__":
    main()
