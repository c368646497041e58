"""An index of the documents of a dataset by their ids: which shards have a document, without reading them.

It is made where ids cannot be looked up otherwise, as in datasets that were packed in windows or merged from others,
and kept in a cache below the user's home, under a name that changes with the dataset. Nothing of it is published.

The index is a few sorted runs, each an Arrow file of (first 64 bits of the id, number of the shard), memory-mapped and
searched by bisection. Runs are made one after another, so memory is bounded by RUN, however large the dataset is.
"""

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..identity import fingerprint
from .reader import Dataset

CACHE = "~/.cache/triptych/ids"
VERSION = 1
RUN = 1 << 23  # documents of a run: 100 MB while it is made
SCHEMA = pa.schema([pa.field("word", pa.uint64(), nullable=False), pa.field("shard", pa.uint32(), nullable=False)])

Words = npt.NDArray[np.uint64]


class IdIndex:
    """An index that is complete."""

    def __init__(self, folder: Path) -> None:
        self._runs = [_opened(path) for path in sorted(folder.glob("run-*.arrow"))]

    @classmethod
    def of(cls, dataset: Dataset, cache: str | None = None) -> "IdIndex | None":
        """Open the index of a dataset; None if it has not been made, or cannot be read."""
        folder = _folder(dataset, cache)
        try:
            return cls(folder) if folder.is_dir() else None
        except (OSError, pa.ArrowException):
            shutil.rmtree(folder, ignore_errors=True)  # it is made anew
            return None

    @classmethod
    def made(cls, dataset: Dataset, words: Iterable[tuple[int, Words]], cache: str | None = None) -> "IdIndex | None":
        """Make the index of a dataset, or take that which another process made meanwhile.

        Args:
            dataset: The dataset.
            words: Number of each shard, and the first 64 bits of the ids that it has, each once.
            cache: Folder of the cache; default `CACHE`.

        Returns:
            The index; None where the cache cannot be written, for example on a full disk.
        """
        folder = _folder(dataset, cache)
        temporary = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.new")
        try:
            temporary.mkdir(parents=True)
            for number, (word, shard) in enumerate(_runs(words)):
                _write(temporary / f"run-{number:05d}.arrow", word, shard)
            if not folder.is_dir():
                os.rename(temporary, folder)
        except OSError:
            return cls.of(dataset, cache)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return cls.of(dataset, cache)

    def shards(self, document: bytes) -> list[int]:
        """Numbers of the shards that may have a document with a 16-byte id; every one that has it is among them."""
        wanted = np.uint64(word_of(document))
        found: set[int] = set()
        for word, shard in self._runs:
            low, high = np.searchsorted(word, wanted, "left"), np.searchsorted(word, wanted, "right")
            found.update(shard[low:high].tolist())
        return sorted(found)


def word_of(document: bytes) -> int:
    """The first 64 bits of an id."""
    return int.from_bytes(document[:8], "little")


def words_of(ids: pa.FixedSizeBinaryArray) -> Words:
    """The first 64 bits of 16-byte ids, each once."""
    column = np.frombuffer(ids.buffers()[1] or b"", "<u8")[2 * ids.offset :: 2][: len(ids)]
    return np.unique(column.astype(np.uint64))


def _folder(dataset: Dataset, cache: str | None) -> Path:
    return Path(cache or CACHE).expanduser() / fingerprint("ids", VERSION, dataset.manifest.fingerprint)


def _runs(words: Iterable[tuple[int, Words]]) -> Iterator[tuple[Words, npt.NDArray[np.uint32]]]:
    """Sort the words in runs of at most RUN, or of one shard."""
    held: list[Words] = []
    numbers: list[npt.NDArray[np.uint32]] = []
    count = 0
    for shard, word in words:
        if held and count + len(word) > RUN:
            yield _sorted(held, numbers)
            held, numbers, count = [], [], 0
        held.append(word)
        numbers.append(np.full(len(word), shard, np.uint32))
        count += len(word)
    if held:
        yield _sorted(held, numbers)


def _sorted(words: list[Words], shards: list[npt.NDArray[np.uint32]]) -> tuple[Words, npt.NDArray[np.uint32]]:
    word, shard = np.concatenate(words), np.concatenate(shards)
    order = np.argsort(word, kind="stable")
    return word[order], shard[order]


def _write(path: Path, word: Words, shard: npt.NDArray[np.uint32]) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        writer.write_batch(pa.record_batch([pa.array(word), pa.array(shard)], schema=SCHEMA))


def _opened(path: Path) -> tuple[Words, npt.NDArray[np.uint32]]:
    batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    batch.validate(full=True)
    return batch.column("word").to_numpy(), batch.column("shard").to_numpy()
