"""Reader of a folder without a table, in which the files of a sample have the same name: `1.jpg` and `1.txt`."""

import errno
import glob
import os
import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ...schemas.config.run import Limits
from ...schemas.config.sources import FolderSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.errors import Refusal
from .base import RawBatch, Unit
from .batches import LONGEST_ROW, BadRow
from .files import printable, refusing
from .folder_files import is_inside
from .local_glob import Found, local_glob
from .members import Members, Values, member_batches, member_digest, member_units, refuse_columns
from .own_output import is_own_output
from .text_blocks import as_utf8


class PairedFilesReader:
    """Reads files that are paired by name; a row has the label of its image, clip or else text, and the number 0.

    The source's fields are file extensions. A file whose partner is missing is a dropped row; a file with an extension
    that the source does not name is no part of it.
    """

    def __init__(self, source: FolderSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._fields = source.fields
        self._media_first = sorted(self._fields, key=lambda field: field == "text")
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._budget = partition_bytes

    def units(self) -> list[Unit]:
        """List runs of samples of about `partition_bytes`, in the order of their names; sub-folders are included."""
        source = self._source
        refuse_columns(source)
        with refusing(source.name, source.path):
            fs, root = url_to_fs(source.path)
            fs.ls(root)
            if not fs.isdir(root):
                raise NotADirectoryError(source.path)
            sizes = dict(_sizes(fs, root.rstrip("/")))
        rows = self._pairs(sorted(sizes))
        if not rows:
            endings = ", ".join(sorted({name for names in self._fields.values() for name in names}))
            raise Refusal(
                f"`sources.{source.name}.path` is {source.path!r}: it has no file that ends in one of: {endings}. With "
                "`pair_by: name`, `text`, `image` and `audio` are file extensions, such as `image: jpg;png`."
            )
        sized = ((members, sum(sizes[name] for name in members if name)) for members in rows[: source.limit])
        return member_units(fs.unstrip_protocol(root), source.name, sized, self._budget)

    def _pairs(self, names: list[str]) -> list[Members]:
        """Group files by their name without extension; a second file for one field is a row without partners."""
        samples: dict[str, dict[str, tuple[int, str]]] = {}
        alone: list[Members] = []
        for name in names:
            ending = self._ending(name)
            if ending is None:
                continue
            field, rank, key = ending
            sample = samples.setdefault(key, {})
            best = min((rank, name), sample.get(field, (rank, name)))
            for _, other in {(rank, name), sample.get(field, (rank, name))} - {best}:
                alone.append(tuple(other if each == field else "" for each in self._media_first))
            sample[field] = best
        whole = [tuple(sample.get(field, (0, ""))[1] for field in self._media_first) for sample in samples.values()]
        return sorted([*whole, *alone], key=lambda members: next(name for name in members if name))

    def _ending(self, name: str) -> tuple[str, int, str] | None:
        """Return the field of a file, the rank of its extension among those of the field, and its name without it."""
        folder, _, base = name.rpartition("/")
        matches = [
            (len(ending), field, rank)
            for field, endings in self._fields.items()
            for rank, ending in enumerate(endings)
            if base.lower().endswith(f".{ending.lower().lstrip('.')}") and len(base) > len(ending.lstrip(".")) + 1
        ]
        if not matches:
            return None
        _, field, rank = max(matches, key=lambda match: match[0])
        return field, rank, posixpath.join(folder, base[: -len(self._fields[field][rank].lstrip(".")) - 1])

    def files(self, unit: Unit) -> Iterable[str]:
        """Return the URLs of the unit's files."""
        fs, root = url_to_fs(self._source.path)
        names = (name for members in unit.members for name in members if name)
        return (fs.unstrip_protocol(posixpath.join(root, name)) for name in names)

    def digest(self, unit: Unit) -> str:
        """Hash the content and the names of the files."""
        fs, root = url_to_fs(self._source.path)
        return member_digest(unit, lambda members: self._values(fs, root, members))

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: text_missing, image_missing, audio_missing, row_too_large, utf8_invalid, file_unreadable,
        path_outside_folder.
        """
        fs, root = url_to_fs(self._source.path)
        return member_batches(unit, self._fields, lambda members: self._values(fs, root, members), self._budget)

    def _values(self, fs: Any, root: str, members: Members) -> Values:
        names = dict(zip(self._media_first, members, strict=True))
        for field, name in names.items():
            if not name:
                others = " and ".join(printable(other) for other in members if other)
                raise BadRow(f"{field}_missing", f"{others} has no partner that ends in {self._source_endings(field)}")
        values = {field: self._content(fs, root, name) for field, name in names.items()}
        try:
            text = as_utf8(values["text"]).decode()
        except UnicodeDecodeError as error:
            raise BadRow("utf8_invalid", error_detail(error)) from None
        return tuple(text if field == "text" else values[field] for field in self._fields)

    def _source_endings(self, field: str) -> str:
        return ", ".join(f".{ending.lstrip('.')}" for ending in self._fields[field])

    def _content(self, fs: Any, root: str, name: str) -> bytes:
        if not is_inside(fs, root, name):
            raise BadRow("path_outside_folder", printable(name))
        path = posixpath.join(root, name)
        try:
            if fs.size(path) > self._longest:
                raise BadRow("row_too_large", printable(name))
            content: bytes = fs.cat_file(path)
        except (PermissionError, FileNotFoundError):
            raise BadRow("file_unreadable", printable(name)) from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise BadRow("file_unreadable", f"{printable(name)} is a link that leads back to itself") from None
        return content


def _sizes(fs: Any, root: str) -> Iterator[tuple[str, int]]:
    """Yield name and size of the files below a folder, but for those of which a name begins with a dot."""
    if isinstance(fs, LocalFileSystem):
        found = local_glob(f"{glob.escape(root)}/**", lambda path: is_own_output(fs, path))
        paths = [path for path, what in found if what is not Found.FOLDER]
        yield from ((path.removeprefix(root).lstrip("/"), _size(path)) for path in paths)
        return
    for path, info in fs.find(root, detail=True).items():
        name = path.removeprefix(root).lstrip("/")
        if "/." not in f"/{name}":
            yield name, int(info["size"] or 0)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # a link to nothing, of which whoever reads it says more
        return 0
