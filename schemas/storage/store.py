"""Files under a run's `out`, at any fsspec URL, that are there whole or not at all.

A local file is written under a temporary name, synced and renamed; an object store shows an object only when its
upload is complete, of several parts too. So a file's presence is its commit, and a killed run leaves nothing half-made
to be seen.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import IO

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from .full_disk import refusing_full_disk

TEMPORARY = ".tmp-"
WORK = "_work"  # below `out`: everything that resume needs and the dataset does not
UPLOAD_BYTES = 16 << 20  # what goes to an object store in one request, and what of it is in memory


@dataclass(frozen=True)
class Store:
    """A folder at an fsspec URL; names are relative to it, with forward slashes."""

    url: str

    @cached_property
    def _where(self) -> tuple[fsspec.AbstractFileSystem, str]:
        fs, root = fsspec.core.url_to_fs(self.url)
        return fs, root.rstrip("/")

    @property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The file system behind the URL, without listings from before: other processes write there too."""
        fs = self._where[0]
        fs.invalidate_cache()
        return fs

    @property
    def local(self) -> bool:
        """True when the files are on this machine's disks."""
        return isinstance(self._where[0], LocalFileSystem)

    def path(self, name: str) -> str:
        """The file system's path of a name."""
        return f"{self._where[1]}/{name}"

    def exists(self, name: str) -> bool:
        """True when the file is there, and so whole."""
        try:
            self.fs.info(self.path(name))
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        """Bytes of a file; FileNotFoundError when it is not there."""
        return int(self.fs.size(self.path(name)))

    def modified(self, name: str) -> datetime:
        """When a file was last written, by the store's own clock; FileNotFoundError when it is not there."""
        time: datetime = self.fs.modified(self.path(name))
        return time

    def names(self, folder: str) -> list[str]:
        """Names of the committed files below a folder, sorted; empty when there is no such folder."""
        root, top = self.path(""), self.path(folder).rstrip("/")
        try:
            # s3fs lists a folder itself when its first file appears while it looks
            found = [path for path in self.fs.find(top) if path != top]
        except FileNotFoundError:
            return []
        names = (path[len(root) :] for path in found)
        return sorted(name for name in names if TEMPORARY not in name)

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        data: bytes = self.fs.cat_file(self.path(name))
        return data

    def open_arrow(self, name: str) -> pa.NativeFile:
        """A file for Arrow to read from: memory-mapped when local, streamed otherwise."""
        if self.local:
            return pa.memory_map(self.path(name))
        return pa.PythonFile(self.fs.open(self.path(name), "rb"), mode="r")

    @contextmanager
    def create(self, name: str | Callable[[], str]) -> Iterator[pa.NativeFile]:
        """A sink whose file is there, whole, once the block ends, and not at all when it raises.

        A name that depends on the content is given as a function, called when everything is written. Raises Refusal
        when the disk is full.
        """
        with self._on_disk(name) if self.local else self._in_objects(name) as sink:
            yield sink

    @contextmanager
    def _on_disk(self, name: str | Callable[[], str]) -> Iterator[pa.NativeFile]:
        root = Path(self.path(""))
        temporary = root / f"{TEMPORARY}{uuid.uuid4().hex}"
        try:
            with refusing_full_disk(root):
                root.mkdir(parents=True, exist_ok=True)
                with pa.OSFile(str(temporary), "wb") as sink:
                    yield sink
                _sync(temporary)
                final = Path(self.path(name if isinstance(name, str) else name()))
                final.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(final)
                _sync(final.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    @contextmanager
    def _in_objects(self, name: str | Callable[[], str]) -> Iterator[pa.NativeFile]:
        """Written here first: an object's name must be known when its upload begins, and some come with the content."""
        with refusing_full_disk(tempfile.gettempdir()), tempfile.SpooledTemporaryFile(UPLOAD_BYTES) as spool:
            yield pa.PythonFile(spool, mode="w")
            path, size = self.path(name if isinstance(name, str) else name()), spool.tell()
            spool.seek(0)
            if size < UPLOAD_BYTES:
                self.fs.pipe_file(path, spool.read())
                return
            _upload(self.fs, path, spool)

    def write(self, name: str, data: bytes | pa.Buffer) -> None:
        """Commit a file: afterwards it is there with all of `data`, and before it was not."""
        with self.create(name) as sink:
            sink.write(data)

    def claim(self, name: str, data: bytes) -> None:
        """Create a small file; raises OSError when it is there, for all but one caller if the store can tell."""
        if self.local:
            Path(self.path(name)).parent.mkdir(parents=True, exist_ok=True)
            with open(self.path(name), "xb") as file:
                file.write(data)
        else:
            self.fs.pipe_file(self.path(name), data, mode="create")

    def upload(self, folder: str | Path, name: str) -> None:
        """Commit every file of a local folder below `name`."""
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                self.write(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def delete(self, name: str) -> None:
        """Remove a file if it is there."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(self.path(name))

    def sweep(self) -> None:
        """Remove what killed writers left under temporary names."""
        if self.local:
            for path in Path(self.path("")).glob(f"{TEMPORARY}*"):
                path.unlink(missing_ok=True)

    def local_path(self, name: str | None) -> str | None:
        """A file or folder on this machine's disks: itself, or a copy made once a process; None for None."""
        if name is None or self.local:
            return name and self.path(name)
        return _download(self.url, name)


@lru_cache(maxsize=16)
def _download(url: str, name: str) -> str:
    folder = tempfile.mkdtemp(prefix="triptych-")
    store = Store(url)
    with refusing_full_disk(folder):
        store.fs.get(store.path(name), f"{folder}/content", recursive=True)
    return f"{folder}/content"


def _upload(fs: fsspec.AbstractFileSystem, path: str, content: IO[bytes]) -> None:
    # not by `fs.transaction`: that is one for all threads, which would complete each other's uploads
    file = fs.open(path, "wb", block_size=UPLOAD_BYTES, autocommit=False)
    try:
        shutil.copyfileobj(content, file, UPLOAD_BYTES)
        file.close()
        file.commit()
    except BaseException:
        # one that is closed, or collected while open, may appear with what it holds
        with suppress(AttributeError):
            file.closed = True
        file.discard()
        raise
    finally:
        with suppress(ValueError):
            fs.transaction.files.remove(file)  # else it stays there for good


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
