"""Names of files in a table: relative to the folder, or absolute and within it; never outside."""

import errno
import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from .batches import BadRow
from .local_glob import other_spelling


@dataclass(frozen=True)
class FolderFiles:
    """The files of a folder that a table names."""

    fs: Any
    root: str  # path of the folder, without a protocol
    base: str  # folder below `root` to which names are relative
    prefix: str  # what each name begins with, and what it lacks at its end
    suffix: str

    def url(self, given: str) -> str:
        """Return the URL of a file, whether it exists or not; raises BadRow if it is outside the folder."""
        return str(self.fs.unstrip_protocol(posixpath.join(self.root, self._inside(given))))

    def find(self, given: str, missing: str) -> tuple[str, int]:
        """Return the name relative to `root` and the size of a file.

        Args:
            given: The name in the table.
            missing: Reason for a file that does not exist.

        Raises:
            BadRow: There is no such file, or it is outside the folder or cannot be read.
        """
        inside = self._inside(given)
        try:
            info = self.fs.info(posixpath.join(self.root, inside))
        except (FileNotFoundError, NotADirectoryError):
            raise BadRow(missing, inside) from None
        except PermissionError:
            raise BadRow("file_unreadable", inside) from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise BadRow("file_unreadable", f"{inside} is a link that leads back to itself") from None
        if info["type"] != "file":
            raise BadRow("file_unreadable", f"{inside} is no file")
        return inside, int(info["size"])

    def _inside(self, given: str) -> str:
        name = f"{self.prefix}{given}{self.suffix}"
        if not (name.startswith("/") or "://" in name):
            name = posixpath.join(self.base, name)
        inside = name_within(self.fs, self.root, name)
        if inside is None:
            raise BadRow("path_outside_folder", name)
        if isinstance(self.fs, LocalFileSystem) and not os.path.lexists(posixpath.join(self.root, inside)):
            other = other_spelling(posixpath.join(self.root, inside))
            inside = inside if other is None else other.removeprefix(self.root).lstrip("/")
        return inside

    def read(self, given: str, missing: str, longest: int) -> bytes:
        """Return the content of a file of at most `longest` bytes; raises BadRow, as `find` does."""
        path, size = self.find(given, missing)
        if size > longest:
            raise BadRow("row_too_large", path)
        try:
            content: bytes = self.fs.cat_file(posixpath.join(self.root, path))
        except PermissionError:
            raise BadRow("file_unreadable", path) from None
        except FileNotFoundError:  # deleted after its size was read
            raise BadRow(missing, path) from None
        return content


def name_within(fs: Any, root: str, name: str) -> str | None:
    """Return the name of a file relative to a folder; None if it is outside.

    Args:
        fs: File system of the folder.
        root: Path of the folder, without a protocol.
        name: A path relative to the folder, an absolute path, or a URL of the same file system.
    """
    protocol, separator, _ = name.partition("://")
    if separator and protocol in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol):
        return _below(fs, root, str(fs._strip_protocol(name)))
    if name.startswith("/"):
        return _below(fs, root, name)
    return name if is_inside(fs, root, name) else None


def _below(fs: Any, root: str, path: str) -> str | None:
    """Return the part of an absolute path below the folder; None if it is outside."""
    pairs = [(posixpath.normpath(path), posixpath.normpath(root))]
    if isinstance(fs, LocalFileSystem):  # the path may name the folder by a link, or by what the link points to
        pairs += [(pairs[0][0], os.path.realpath(root)), (os.path.realpath(path), os.path.realpath(root))]
    for full, top in pairs:
        name = full.removeprefix(f"{top.rstrip('/')}/")
        if name != full and is_inside(fs, root, name):
            return name
    return None


def is_inside(fs: Any, root: str, name: str) -> bool:
    """True if a file name stays below the folder `root`, on local disks also after links are followed."""
    plain = posixpath.normpath(name)
    if plain.startswith("/") or plain.split("/")[0] == "..":
        return False
    if not isinstance(fs, LocalFileSystem):
        return True
    file = os.path.realpath(posixpath.join(root, name))
    return any(os.path.commonpath([top, file]) == top for top in _tops(root))


def _tops(root: str) -> Iterator[str]:
    """Yield the folders in which the files of a folder may lie, after links are followed.

    A folder in the cache of the Hugging Face Hub has links to the blobs of its repository:
    https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
    """
    yield os.path.realpath(root)
    repository, snapshots, _ = f"{os.path.abspath(root)}/".rpartition("/snapshots/")
    blobs = posixpath.join(repository, "blobs")
    if snapshots and os.path.isdir(blobs):
        yield os.path.realpath(blobs)
