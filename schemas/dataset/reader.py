"""Reader of finished datasets: the manifest, shards as a whole, and single rows."""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from ..errors import Mismatch, Refusal, brief
from ..identity import bytes_fingerprint, parse_json, stream_fingerprint
from ..secrets import without_secrets
from ..storage.file_system import file_system
from ..storage.inside import require_inside
from .file_entry import FileEntry, ShardEntry
from .manifest import MANIFEST, Manifest, parse_manifest
from .not_a_dataset import not_a_dataset
from .packed_row import READABLE, PackedRow
from .stored_file import State, StoredFile
from .stored_shard import StoredShard


class Shard:
    """One shard, whole: in memory, or behind a source that Arrow reads without a copy."""

    def __init__(self, source: pa.NativeFile) -> None:
        self._reader = pa.ipc.open_file(source)
        self.batch = self._reader.get_batch(0)
        self.batch.validate(full=True)  # offsets that lead out of a buffer would end the process
        self.contract: dict[str, Any] = parse_json(self._reader.schema.metadata[b"triptych"])

    @property
    def rows(self) -> int:
        """Number of packed rows."""
        return int(self.batch.num_rows)

    def matrix(self, name: str) -> npt.NDArray[np.unsignedinteger]:
        """Return a (rows, row_length) view of `tokens`, `segment` or `modality`."""
        column = self.batch.column(name)
        view: npt.NDArray[np.unsignedinteger] = column.flatten().to_numpy().reshape(len(column), -1)
        return view

    def part(self, start: int, count: int, names: Sequence[str]) -> pa.RecordBatch:
        """Return columns of some rows, as views."""
        return self.batch.select(list(names)).slice(start, count)

    def row(self, index: int) -> PackedRow:
        """Return one row; its arrays are views."""
        tokens, segment, modality = (self.matrix(name)[index] for name in ("tokens", "segment", "modality"))
        tables = (self.batch.column(name)[index].as_py() for name in ("segments", "spans"))
        return PackedRow(tokens, segment, modality, *tables)


def fill(manifest: Manifest) -> float:
    """Return the share of positions in the rows that are not padding."""
    positions = manifest.statistics.rows * manifest.row_length
    return manifest.statistics.filled / positions if positions else 0.0


class Dataset:
    """A finished dataset at an fsspec URL.

    Raises:
        Refusal: There is no finished dataset at the URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.fs, self.root = file_system(self.url)
        self._sound: dict[str, State] = {}  # local files whose checksum was found to be right
        try:
            self.manifest: Manifest = self._read_manifest()
        except (FileNotFoundError, NotADirectoryError):
            raise not_a_dataset(self.fs, self.root, url) from None
        except ValueError as error:  # a text with NUL
            raise Refusal(f"{url}: is no path of a dataset ({brief(error)}).") from None

    def _read_manifest(self) -> Manifest:
        data = self.fs.cat_file(f"{self.root}/{MANIFEST}")
        return parse_manifest(data, f"{self.url}/{MANIFEST}", self.verified)

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
    def _opened(self) -> Callable[[int], Shard | StoredShard]:
        how = self.stored if self.local else self.open
        return lru_cache(maxsize=16)(lambda number: how(self.manifest.shards[number]))

    def open(self, entry: ShardEntry) -> Shard:
        """Read a shard into memory and verify it.

        Raises:
            Refusal: The shard is damaged, cannot be read, or has another row version.
            Mismatch: The shard has another vocabulary than the manifest.
        """
        try:
            with self.verified(entry) as source:
                shard = Shard(pa.BufferReader(source.read_buffer()))
        except (FileNotFoundError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
            raise self._unreadable(entry, error) from None
        self.require_contract(entry, shard.contract)
        return shard

    def stored(self, entry: ShardEntry, path: str | None = None) -> StoredShard:
        """Verify a shard of a local dataset, of which rows are read when they are needed.

        The checksum is computed when the shard is first opened, or was changed since.

        Args:
            entry: The shard.
            path: Path of a local copy that was verified; None for the shard in the dataset.

        Raises:
            Refusal: As of `open`; also, whenever rows are read, if the file was cut or changed.
            Mismatch: As of `open`.
        """
        try:
            if path is None:
                self.verified(entry).close()
            file = StoredFile(path or self.path(entry), f"{self.where}/{entry.file}")
            if path is None and file.state != self._sound[entry.file]:
                raise ValueError("it was changed meanwhile")
            shard = StoredShard(file)
            shard.tables.validate(full=True)  # offsets that lead out of a buffer would end the process
            self.require_extent(entry, shard)
        except (OSError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
            raise self._unreadable(entry, error) from None
        self.require_contract(entry, shard.contract)
        return shard

    def require_extent(self, entry: ShardEntry, shard: Shard | StoredShard) -> None:
        """Raise ValueError unless a shard has the rows that the manifest states."""
        length = shard.matrix("tokens").shape[1]
        if (shard.rows, length) != (entry.rows, self.manifest.row_length):
            raise ValueError(f"{shard.rows} rows of {length} tokens, not {entry.rows} of {self.manifest.row_length}")

    def _unreadable(self, entry: FileEntry, error: Exception) -> Refusal:
        advice = "Restore it, or prepare the dataset again."
        return Refusal(f"{self.where}/{entry.file}: cannot be read ({error}). {advice}", exit_code=1)

    def require_contract(self, entry: ShardEntry, contract: dict[str, Any]) -> None:
        """Check the row version and vocabulary of a shard; raises Refusal and Mismatch as `open` does."""
        version = contract["row_version"]
        if version not in READABLE:
            raise Refusal(
                f"{self.url}/{entry.file}: its rows have version {version}, but this Triptych reads {list(READABLE)}. "
                "Prepare the dataset again.",
                exit_code=1,
            )
        mine, theirs = self.manifest.vocabulary_fingerprint, contract["vocabulary_fingerprint"]
        if mine != theirs:
            raise Mismatch.between("vocabulary", (MANIFEST, mine), (entry.file, theirs), "Prepare the dataset again.")

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
        except (FileNotFoundError, pa.ArrowException, ValueError) as error:
            raise self._unreadable(entry, error) from None

    def _require_checksum(self, entry: FileEntry, found: str) -> None:
        if found != entry.xxh3:
            raise Refusal(
                f"{self.url}/{entry.file}: its checksum is {found}, not {entry.xxh3} as the manifest says: it is "
                "damaged or another file. Restore it, or prepare the dataset again.",
                exit_code=1,
            )

    def _verified(self, entry: FileEntry) -> pa.NativeFile:
        path = self.path(entry)
        if not self.local:
            data = pa.py_buffer(self.fs.cat_file(path))
            self._require_checksum(entry, bytes_fingerprint([memoryview(data)]))
            return pa.BufferReader(data)
        # not mapped: a file that is cut while it is mapped ends the process
        state, source = State.of(path), pa.OSFile(path)
        if self._sound.get(entry.file) != state:
            self._require_checksum(entry, stream_fingerprint(source))
            self._sound[entry.file] = state
            source.seek(0)
        return source

    def row(self, index: int) -> PackedRow:
        """Return row `index` of the dataset, counted over all shards.

        Raises:
            Refusal: The index is out of range.
        """
        if not 0 <= index < self.rows:
            raise Refusal(f"row {index}: {self.url} has rows 0 to {self.rows - 1}. Choose one of these.")
        at = int(np.searchsorted(self.manifest.shards.ends, index, side="right"))
        return self._opened(at).row(index - self.first_row(at))
