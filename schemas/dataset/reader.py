"""Reader of finished datasets: the manifest, and shards as matrices over memory maps."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from ..errors import Mismatch, Refusal
from ..identity import bytes_fingerprint, stream_fingerprint
from ..secrets import without_secrets
from ..storage.file_system import file_system
from ..storage.inside import require_inside
from .file_entry import FileEntry, ShardEntry
from .manifest import MANIFEST, Manifest, parse_manifest
from .not_a_dataset import not_a_dataset
from .packed_row import READABLE


@dataclass(frozen=True)
class PackedRow:
    """One packed row: three arrays of length row_length, and its segment and span tables."""

    tokens: npt.NDArray[np.unsignedinteger]
    segment: npt.NDArray[np.unsignedinteger]  # 0 is padding, else 1 + index in `segments`
    modality: npt.NDArray[np.uint8]
    segments: list[dict[str, Any]]
    spans: list[dict[str, Any]]


class Shard:
    """One shard. Its matrices are views of the file and are read on access."""

    def __init__(self, source: pa.NativeFile) -> None:
        self._reader = pa.ipc.open_file(source)
        self.batch = self._reader.get_batch(0)
        self.batch.validate(full=True)  # offsets that lead out of a buffer would end the process
        self.contract: dict[str, Any] = json.loads(self._reader.schema.metadata[b"triptych"])

    @property
    def rows(self) -> int:
        """Number of packed rows."""
        return int(self.batch.num_rows)

    def matrix(self, name: str) -> npt.NDArray[np.unsignedinteger]:
        """Return a (rows, row_length) view of `tokens`, `segment` or `modality`."""
        column = self.batch.column(name)
        view: npt.NDArray[np.unsignedinteger] = column.flatten().to_numpy().reshape(len(column), -1)
        return view

    def row(self, index: int) -> PackedRow:
        """Return one row; its arrays are views."""
        tokens, segment, modality = (self.matrix(name)[index] for name in ("tokens", "segment", "modality"))
        tables = (self.batch.column(name)[index].as_py() for name in ("segments", "spans"))
        return PackedRow(tokens, segment, modality, *tables)


def fill(manifest: Manifest) -> float:
    """Return the share of positions in the rows that are not padding."""
    positions = manifest.statistics.rows * manifest.row_length
    return manifest.statistics.filled / positions if positions else 0.0


def _state_of(path: str) -> tuple[int, int, int]:
    """What differs when another file stands at a path, or something was written into it."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


class Dataset:
    """A finished dataset at an fsspec URL.

    Raises:
        Refusal: There is no finished dataset at the URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.fs, self.root = file_system(self.url)
        self._sound: dict[str, tuple[int, int, int]] = {}  # local files whose checksum was found to be right
        try:
            self.manifest: Manifest = self._read_manifest()
        except (FileNotFoundError, NotADirectoryError):
            raise not_a_dataset(self.fs, self.root, url) from None

    def _read_manifest(self) -> Manifest:
        data = self.fs.cat_file(f"{self.root}/{MANIFEST}")
        return parse_manifest(data, f"{self.url}/{MANIFEST}", self._read_once)

    @property
    def where(self) -> str:
        """The URL as it is shown and recorded: without user, password and query."""
        return without_secrets(self.url)

    @property
    def rows(self) -> int:
        """Number of packed rows in all shards."""
        return self.manifest.shards.total_rows

    def first_row(self, shard: int) -> int:
        """Return the number of the first row of a shard, given its place in the manifest."""
        return int(self.manifest.shards.ends[shard - 1]) if shard else 0

    @cached_property
    def _opened(self) -> Callable[[int], Shard]:
        return lru_cache(maxsize=16)(lambda number: self.open(self.manifest.shards[number]))

    def open(self, entry: ShardEntry) -> Shard:
        """Verify a shard and open it, memory-mapped when the dataset is local.

        The checksum is computed when the shard is first opened, or was changed since; that reads its pages into memory
        once, where the rows are then read from.

        Raises:
            Refusal: The shard is damaged, cannot be read, or has another row version.
            Mismatch: The shard has another vocabulary than the manifest.
        """
        try:
            shard = Shard(self.verified(entry))
        except (FileNotFoundError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
            raise Refusal(
                f"{self.url}/{entry.file}: cannot be read ({error}). Prepare the dataset again.", exit_code=1
            ) from None
        version = shard.contract["row_version"]
        if version not in READABLE:
            raise Refusal(
                f"{self.url}/{entry.file}: its rows have version {version}, but this Triptych reads {list(READABLE)}. "
                "Prepare the dataset again.",
                exit_code=1,
            )
        mine, theirs = self.manifest.vocabulary_fingerprint, shard.contract["vocabulary_fingerprint"]
        if mine != theirs:
            raise Mismatch.between("vocabulary", (MANIFEST, mine), (entry.file, theirs), "Prepare the dataset again.")
        return shard

    def path(self, entry: FileEntry) -> str:
        """Return the path of a file in the dataset's file system; raises Refusal if a link leads out of the dataset."""
        if self.local:
            require_inside(self.root, entry.file)
        return f"{self.root}/{entry.file}"

    @property
    def local(self) -> bool:
        """Whether the files are on a disk of this machine."""
        return isinstance(self.fs, LocalFileSystem)

    def verified(self, entry: FileEntry) -> pa.NativeFile:
        """Open a file of the dataset; its checksum is computed when it is first opened, and
        again when it was changed since.

        Raises:
            Refusal: It is damaged, or missing.
        """
        try:
            return self._verified(entry)
        except (FileNotFoundError, pa.ArrowException, ValueError) as error:  # an empty file cannot be mapped
            raise Refusal(
                f"{self.url}/{entry.file}: cannot be read ({error}). Restore it, or prepare the dataset again.",
                exit_code=1,
            ) from None

    def _read_once(self, entry: FileEntry) -> pa.NativeFile:
        """Open a file that is read to its end: as `verified`, but a local one does not stay mapped into memory."""
        if not self.local:
            return self.verified(entry)
        source = pa.OSFile(self.path(entry))
        self._require_checksum(entry, stream_fingerprint(source))
        source.seek(0)
        return source

    def _require_checksum(self, entry: FileEntry, found: str) -> None:
        if found != entry.xxh3:
            raise Refusal(
                f"{self.url}/{entry.file}: its checksum is {found}, not {entry.xxh3} as the manifest says: it is "
                "damaged or another file. Restore it, or prepare the dataset again.",
                exit_code=1,
            )

    def _verified(self, entry: FileEntry) -> pa.NativeFile:
        path = self.path(entry)
        state = _state_of(path) if self.local else None
        data = pa.memory_map(path) if self.local else pa.BufferReader(self.fs.cat_file(path))
        if state is None or self._sound.get(entry.file) != state:
            self._require_checksum(entry, bytes_fingerprint([memoryview(data.read_buffer())]))
            if state is not None:
                self._sound[entry.file] = state
            data.seek(0)
        return data

    def row(self, index: int) -> PackedRow:
        """Return row `index` of the dataset, counted over all shards.

        Raises:
            Refusal: The index is out of range.
        """
        if not 0 <= index < self.rows:
            raise Refusal(f"row {index}: {self.url} has rows 0 to {self.rows - 1}. Choose one of these.")
        at = int(np.searchsorted(self.manifest.shards.ends, index, side="right"))
        return self._opened(at).row(index - self.first_row(at))
