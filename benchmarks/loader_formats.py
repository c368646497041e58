"""The same packed rows in the formats of other loaders, written and read the way their documents say.

    pip install litdata mosaicml-streaming webdataset grain array-record datasets

Each reader gives tokens, segment ids and modalities of one row after another, shuffled where the format can be, in one
process. What is not installed is reported as missing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

NAMES = ("tokens", "segment", "modality")
Row = tuple[Any, ...]  # of NAMES
Arrays = dict[str, np.ndarray]


class Format(NamedTuple):
    """How rows are written into a folder, and read from it."""

    write: Callable[[Arrays, Path], None]
    read: Callable[[Path], Iterator[Row]]


def _types(folder: Path) -> tuple[np.dtype[Any], ...]:
    return tuple(np.dtype(name) for name in (folder / "types").read_text().split())


def _note_types(arrays: Arrays, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "types").write_text(" ".join(arrays[name].dtype.name for name in NAMES))


def write_litdata(arrays: Arrays, folder: Path) -> None:
    """Chunks of 64 MB."""
    from litdata.streaming.writer import BinaryWriter

    writer = BinaryWriter(str(folder), chunk_bytes=64 << 20)
    for index in range(len(arrays["tokens"])):
        writer[index] = {name: arrays[name][index] for name in NAMES}
    writer.done()
    writer.merge()


def read_litdata(folder: Path) -> Iterator[Row]:
    """Through StreamingDataset."""
    from litdata import StreamingDataset

    for row in StreamingDataset(str(folder), shuffle=True, seed=0):
        yield tuple(row[name] for name in NAMES)


def write_mosaic(arrays: Arrays, folder: Path) -> None:
    """MDS with arrays of fixed type and shape, which is its quickest encoding."""
    from streaming import MDSWriter

    columns = {name: f"ndarray:{arrays[name].dtype.name}:{arrays[name].shape[1]}" for name in NAMES}
    with MDSWriter(out=str(folder), columns=columns) as writer:
        for index in range(len(arrays["tokens"])):
            writer.write({name: arrays[name][index] for name in NAMES})


def read_mosaic(folder: Path) -> Iterator[Row]:
    """Through StreamingDataset, from the local folder."""
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()
    for row in StreamingDataset(local=str(folder), shuffle=True, batch_size=1):
        yield tuple(row[name] for name in NAMES)


def write_webdataset(arrays: Arrays, folder: Path) -> None:
    """A tar with the raw bytes of each array as a member."""
    import webdataset

    _note_types(arrays, folder)
    with webdataset.TarWriter(str(folder / "rows.tar")) as writer:
        for index in range(len(arrays["tokens"])):
            members = {f"{name}.bin": arrays[name][index].tobytes() for name in NAMES}
            writer.write({"__key__": f"{index:09d}"} | members)


def read_webdataset(folder: Path) -> Iterator[Row]:
    """In sequence, then its shuffle buffer of a thousand."""
    import webdataset

    types = _types(folder)
    for row in webdataset.WebDataset(str(folder / "rows.tar"), shardshuffle=False).shuffle(1000):
        yield tuple(np.frombuffer(row[f"{name}.bin"], kind) for name, kind in zip(NAMES, types, strict=True))


def write_datasets(arrays: Arrays, folder: Path) -> None:
    """Arrow, by save_to_disk."""
    from datasets import Dataset, Features, Value
    from datasets import List as Sequence

    features = {name: Sequence(Value(array.dtype.name), length=array.shape[1]) for name, array in arrays.items()}
    Dataset.from_dict({name: list(array) for name, array in arrays.items()}, Features(features)).save_to_disk(folder)


def read_datasets(folder: Path) -> Iterator[Row]:
    """Rows in a shuffled order as NumPy arrays."""
    from datasets import load_from_disk

    for row in load_from_disk(str(folder)).shuffle(seed=0).with_format("numpy"):
        yield tuple(row[name] for name in NAMES)


def write_grain(arrays: Arrays, folder: Path) -> None:
    """ArrayRecord with the raw bytes of the three arrays as a record."""
    from array_record.python.array_record_module import ArrayRecordWriter

    _note_types(arrays, folder)
    writer = ArrayRecordWriter(str(folder / "rows.array_record"), "group_size:1")
    for index in range(len(arrays["tokens"])):
        writer.write(b"".join(arrays[name][index].tobytes() for name in NAMES))
    writer.close()


def read_grain(folder: Path) -> Iterator[Row]:
    """MapDataset, shuffled."""
    import grain

    types = _types(folder)
    size = sum(kind.itemsize for kind in types)

    def decode(record: bytes) -> Row:
        places = len(record) // size
        starts = np.cumsum([0] + [kind.itemsize * places for kind in types]).tolist()
        return tuple(np.frombuffer(record, kind, places, start) for kind, start in zip(types, starts[:-1], strict=True))

    source = grain.sources.ArrayRecordDataSource(str(folder / "rows.array_record"))
    dataset = grain.MapDataset.source(source).shuffle(seed=0).map(decode)
    yield from (dataset[index] for index in range(len(dataset)))


FORMATS = {
    "litdata": Format(write_litdata, read_litdata),
    "mosaicml-streaming": Format(write_mosaic, read_mosaic),
    "webdataset": Format(write_webdataset, read_webdataset),
    "datasets": Format(write_datasets, read_datasets),
    "grain": Format(write_grain, read_grain),
}
