"""Local cache of the shards of remote datasets: whole files, prefetched, verified, and named by their checksum.

A file is written under a temporary name and renamed only when its bytes have the checksum that the manifest states. So
processes may share a cache, and datasets may share shards.
"""

import fcntl
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from ...schemas.dataset.file_entry import ShardEntry
from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.stored_shard import StoredShard
from ...schemas.errors import Refusal
from ...schemas.identity import BLOCK, file_fingerprint

Entries = Sequence[tuple[Dataset, ShardEntry]]


class ShardCache:
    """Opens shards in place if they are on a local disk, otherwise from the cache folder."""

    def __init__(self, folder: str | Path, limit: int, readers: int = 2) -> None:
        """Create a cache.

        Args:
            folder: Folder of the cache.
            limit: Bytes of files to keep beyond those in use.
            readers: Number of threads that download.
        """
        self.folder = Path(folder).expanduser()
        self._limit = limit
        self._pool = ThreadPoolExecutor(readers, thread_name_prefix="shards")
        self._pending: dict[str, Future[Path]] = {}
        self._lock = Lock()

    def shard(self, dataset: Dataset, entry: ShardEntry) -> StoredShard:
        """Open a shard on the local disk; raises Refusal if it is missing, truncated or changed."""
        if not is_local(dataset):
            return dataset.stored(entry, str(self.fetch(dataset, entry)))
        path = Path(dataset.path(entry))
        if path.is_file() and path.stat().st_size != entry.bytes:
            raise _damaged(dataset, entry, f"{path.stat().st_size:,} bytes of {entry.bytes:,}")
        return dataset.stored(entry)

    def fetch(self, dataset: Dataset, entry: ShardEntry) -> Path:
        """Path of a remote shard on the local disk; waits until it is downloaded."""
        path = self._path(entry)
        if path.is_file():
            return path
        try:
            return self._start(dataset, entry).result()
        finally:
            with self._lock:
                self._pending.pop(entry.xxh3, None)

    def prefetch(self, now: Entries, later: Entries) -> None:
        """Download shards in the background, in the given order, and remove the oldest others beyond the limit.

        Args:
            now: Shards that are in use.
            later: Shards that are needed next.
        """
        remote = [(dataset, entry) for dataset, entry in (*now, *later) if not is_local(dataset)]
        wanted = {entry.xxh3 for _, entry in remote}
        with self._lock:
            for checksum in [checksum for checksum in self._pending if checksum not in wanted]:
                self._pending.pop(checksum).cancel()
        for dataset, entry in remote:
            if self._path(entry).is_file():
                os.utime(self._path(entry))
            else:
                self._start(dataset, entry)
        if remote:
            self._trim({f"{checksum}.arrow" for checksum in wanted})

    def close(self) -> None:
        """Stop the downloads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, dataset: Dataset, entry: ShardEntry) -> Future[Path]:
        with self._lock:
            if entry.xxh3 not in self._pending:
                self._pending[entry.xxh3] = self._pool.submit(self._download, dataset, entry)
            return self._pending[entry.xxh3]

    def _download(self, dataset: Dataset, entry: ShardEntry) -> Path:
        path = self._path(entry)
        part = path.with_suffix(".part")
        self.folder.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as sink:
            fcntl.flock(sink, fcntl.LOCK_EX)  # one process downloads, the others wait for it
            if path.is_file():
                return path
            sink.truncate(0)
            _copy(dataset, entry, sink)
            size = part.stat().st_size
            if file_fingerprint(str(part)) != entry.xxh3:
                same = size == entry.bytes
                what = "its bytes have another checksum" if same else f"{size:,} bytes of {entry.bytes:,}"
                raise _damaged(dataset, entry, what)
            part.rename(path)
        return path

    def _trim(self, keep_segments: set[str]) -> None:
        found: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("*.arrow"):
            with suppress(FileNotFoundError):  # another process may remove files at the same time
                if path.name not in keep_segments:
                    found.append((path.stat().st_mtime, path.stat().st_size, path))
        left = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if left <= self._limit:
                return
            path.unlink(missing_ok=True)  # a process that has it open reads on
            left -= size

    def _path(self, entry: ShardEntry) -> Path:
        return self.folder / f"{entry.xxh3}.arrow"


def is_local(dataset: Dataset) -> bool:
    """Whether the shards of a dataset can be read in place."""
    return dataset.local


def _copy(dataset: Dataset, entry: ShardEntry, sink: BinaryIO) -> None:
    try:
        with dataset.fs.open(dataset.path(entry), "rb") as source:
            while block := source.read(8 * BLOCK):
                sink.write(block)
        sink.flush()
    except FileNotFoundError:
        raise _damaged(dataset, entry, "not there") from None


def _damaged(dataset: Dataset, entry: ShardEntry, what: str) -> Refusal:
    fix = "Copy the dataset again, or prepare it again."
    return Refusal(f"{dataset.url}/{entry.file}: {what}, so not the shard of the manifest. {fix}", exit_code=1)
