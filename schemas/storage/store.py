"""Files below a run's `out`, at any fsspec URL, that are either complete or absent.

A local file is written under a temporary name, synced and renamed; an object store shows an object only when its upload
is complete, also for multi-part uploads. So the presence of a file is its commit, and a killed run leaves no partial
files.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import IO, Any

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from ..secrets import without_secrets
from .file_system import file_system
from .full_disk import refusing_full_disk
from .inside import require_inside

TEMPORARY = ".tmp-"
WORK = "_work"  # folder below `out` with what resume needs and the dataset does not
UPLOAD_BYTES = 16 << 20  # part size of uploads to an object store, and the memory that they take


@dataclass(frozen=True)
class Store:
    """A folder at an fsspec URL; file names are relative to it, with forward slashes."""

    url: str

    def __repr__(self) -> str:
        return f"Store({without_secrets(self.url)!r})"

    @cached_property
    def _where(self) -> tuple[fsspec.AbstractFileSystem, str]:
        fs, root = file_system(self.url)
        return fs, root.rstrip("/")

    @property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The file system of the URL, with its listing cache cleared, since other processes write there too."""
        fs = self._where[0]
        fs.invalidate_cache()
        return fs

    @property
    def local(self) -> bool:
        """True when the files are on a disk of this machine."""
        return isinstance(self._where[0], LocalFileSystem)

    def path(self, name: str) -> str:
        """Return the path of `name` in the file system; raises Refusal if a link leads out of the folder."""
        if name and self.local:
            require_inside(self._where[1], name)
        return f"{self._where[1]}/{name}"

    def exists(self, name: str) -> bool:
        """True when the file exists, which means that it is complete."""
        try:
            self.fs.info(self.path(name))
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        """Return the size of a file in bytes; raises FileNotFoundError when it does not exist."""
        return int(self.fs.size(self.path(name)))

    def modified(self, name: str) -> datetime:
        """Return when a file was last written, by the store's clock; raises FileNotFoundError when it is absent."""
        time: datetime = self.fs.modified(self.path(name))
        return time

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the committed files below a folder; empty when the folder does not exist."""
        root, top = self.path(""), self.path(folder).rstrip("/")
        if self.local:  # without a stat of every file
            found = [os.path.join(parent, name) for parent, _, files in os.walk(top) for name in files]
            return sorted(path[len(root) :] for path in found if TEMPORARY not in path[len(root) :])
        try:
            # s3fs also returns the folder itself when its first file appears during the call
            found = [path for path in self.fs.find(top) if path != top]
        except FileNotFoundError:
            return []
        names = (path[len(root) :] for path in found)
        return sorted(name for name in names if TEMPORARY not in name)

    def details(self, folder: str) -> dict[str, dict[str, Any]]:
        """Return what a listing says of the files below a folder, by name; for object stores, in few requests."""
        root = self.path("")
        with suppress(FileNotFoundError):
            found: dict[str, dict[str, Any]] = self.fs.find(self.path(folder).rstrip("/"), detail=True)
            return {path[len(root) :]: info for path, info in found.items()}
        return {}

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        data: bytes = self.fs.cat_file(self.path(name))
        return data

    def read_all(self, names: Sequence[str]) -> list[bytes]:
        """Return the bytes of several files, from an object store at the same time."""
        if self.local or not names:
            return [self.read(name) for name in names]
        paths = [self.path(name) for name in names]
        found = self.fs.cat(paths)
        return [found[path] for path in paths]

    def read_head(self, name: str, most: int) -> pa.Buffer:
        """Return up to `most` bytes from the start of a file."""
        if self.local:
            with open(self.path(name), "rb") as file:
                return pa.py_buffer(file.read(most))
        return pa.py_buffer(self.fs.cat_file(self.path(name), start=0, end=most))

    def read_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[pa.Buffer]:
        """Read parts of files: memory-mapped when local, else a request for each, several at the same time.

        Args:
            ranges: (name, first byte, byte after the last).

        Raises:
            OSError: A file ends before.
        """
        if self.local:
            buffers = [self._mapped(*each) for each in ranges]
        else:
            paths, starts, ends = ([*column] for column in zip(*ranges, strict=True))
            found = self.fs.cat_ranges([self.path(path) for path in paths], starts, ends, on_error="raise")
            buffers = [pa.py_buffer(data) for data in found]
        for (name, start, end), buffer in zip(ranges, buffers, strict=True):
            if buffer.size != end - start:
                raise OSError(f"{name}: damaged, since it ends before byte {end}")
        return buffers

    def _mapped(self, name: str, start: int, end: int) -> pa.Buffer:
        with pa.memory_map(self.path(name)) as file:
            file.seek(start)
            return file.read_buffer(end - start)

    def open_arrow(self, name: str) -> pa.NativeFile:
        """Open a file for Arrow: memory-mapped when local, streamed otherwise."""
        if self.local:
            return pa.memory_map(self.path(name))
        return pa.PythonFile(self.fs.open(self.path(name), "rb"), mode="r")

    @contextmanager
    def create(self, name: str | Callable[[], str]) -> Iterator[pa.NativeFile]:
        """Create a file that exists, complete, once the block ends, and not at all when the block raises.

        Args:
            name: Name of the file. A name that depends on the content is given as a function, which is called when
                everything is written.

        Yields:
            An Arrow sink for the content.

        Raises:
            Refusal: The disk is full.
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
        """Spool to a local file first: an upload needs the object's name, which may depend on the content."""
        with refusing_full_disk(tempfile.gettempdir()), tempfile.SpooledTemporaryFile(UPLOAD_BYTES) as spool:
            yield pa.PythonFile(spool, mode="w")
            path, size = self.path(name if isinstance(name, str) else name()), spool.tell()
            spool.seek(0)
            if size < UPLOAD_BYTES:
                self.fs.pipe_file(path, spool.read())
                return
            _upload(self.fs, path, spool)

    def write(self, name: str, data: bytes | pa.Buffer) -> None:
        """Commit a file with the bytes of `data`."""
        with self.create(name) as sink:
            sink.write(data)

    def move(self, name: str, to: str) -> None:
        """Give a committed file another name, under which it is complete at once."""
        if not self.local:
            self.fs.mv(self.path(name), self.path(to))
            return
        source, target = Path(self.path(name)), Path(self.path(to))
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        _sync(target.parent)

    def claim(self, name: str, data: bytes) -> None:
        """Create a small file that must not exist yet.

        Raises:
            OSError: The file exists. On stores with conditional puts only one of several callers succeeds.
        """
        if self.local:
            Path(self.path(name)).parent.mkdir(parents=True, exist_ok=True)
            with open(self.path(name), "xb") as file:
                file.write(data)
        else:
            self.fs.pipe_file(self.path(name), data, mode="create")

    def upload(self, folder: str | Path, name: str) -> None:
        """Commit every file of a local folder, recursively, below `name`."""
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                self.write(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def delete(self, name: str) -> None:
        """Delete a file if it exists."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(self.path(name))

    def sweep(self) -> None:
        """Delete the temporary files that killed writers left."""
        if self.local:
            for path in Path(self.path("")).glob(f"{TEMPORARY}*"):
                path.unlink(missing_ok=True)

    def local_path(self, name: str | None) -> str | None:
        """Return a local path of a file or folder, downloading it once per process if needed; None for None."""
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
    # not with `fs.transaction`: threads share it and would complete each other's uploads
    file = fs.open(path, "wb", block_size=UPLOAD_BYTES, autocommit=False)
    try:
        shutil.copyfileobj(content, file, UPLOAD_BYTES)
        file.close()
        file.commit()
    except BaseException:
        # a file that is closed, or garbage-collected while open, may commit its partial content
        with suppress(AttributeError):
            file.closed = True
        file.discard()
        raise
    finally:
        with suppress(ValueError):
            fs.transaction.files.remove(file)  # otherwise the list of the transaction grows without end


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
