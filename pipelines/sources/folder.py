"""Reader of a folder of image or audio files with a table of their captions or transcripts."""

import os
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import xxhash
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ...schemas.config.run import Limits
from ...schemas.config.sources import FolderSource
from ...schemas.errors import Refusal
from ...schemas.identity import canonical_json
from .base import Drop, RawBatch, Unit
from .batches import LONGEST_ROW, BadRow, RawRow, gather
from .change_detection import require_digest, stamp, unchanged
from .files import refusing
from .jsonl import pick_license, pick_text
from .metadata_table import Record, records

TABLES = ("metadata.csv", "metadata.jsonl")


class FolderReader:
    """Reads a folder's table and the files that it names; the number of a row is that of its record in the table."""

    def __init__(self, source: FolderSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._fields = source.fields
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._budget = partition_bytes

    def units(self) -> list[Unit]:
        """List runs of records whose texts and files have at most `partition_bytes`, or one record."""
        table = self._table()
        fs, root = url_to_fs(self._source.path)
        starts = [0]
        used = read = 0
        last = -1
        columns: dict[str, Any] = {}
        with unchanged(table):
            for item in islice(records(table.path, self._longest), self._source.limit):
                read += 1
                last = item.number if isinstance(item, Record) else item.row
                if isinstance(item, Record):
                    columns |= dict.fromkeys(item.values)
                    size = self._size(fs, root, item)
                    if used + size > self._budget and used:
                        starts.append(item.number)
                        used = 0
                    used += size
        self._require(columns)
        cut = read == self._source.limit and last >= 0
        stops = [*starts[1:], last + 1 if cut else None]
        return [replace(table, start=start, stop=stop) for start, stop in zip(starts, stops, strict=True)]

    def _table(self) -> Unit:
        name, path, table = self._source.name, self._source.path, self._source.table
        with refusing(name, path):
            fs, root = url_to_fs(path)
            fs.ls(root)
            if not fs.isdir(root):
                raise NotADirectoryError(path)
        names = (table,) if table else TABLES
        found = next((each for each in names if fs.isfile(posixpath.join(root, each))), None)
        if found is None:
            raise Refusal(
                f"`sources.{name}.table` is {table!r}: {path} has no {' or '.join(names)}. "
                "Give the name of a CSV or JSONL file in that folder."
            )
        url = posixpath.join(root, found)
        with refusing(name, path):
            fs.open(url).close()
            return Unit(fs.unstrip_protocol(url), found, stamp=stamp(fs.unstrip_protocol(url)))

    def _require(self, columns: dict[str, Any]) -> None:
        for field, names in self._fields.items():
            if columns and not any(name in columns for name in names):
                raise Refusal(
                    f"`sources.{self._source.name}.{field}` is {';'.join(names)!r}: the table has no such column. Use "
                    f"one of: {', '.join(columns)}."
                )

    def digest(self, unit: Unit) -> str:
        """Hash the unit's records, as far as they are used, and the bytes of the files that they name."""
        state = xxhash.xxh3_128()
        with unchanged(unit):
            for _ in self._hashed(unit, state):
                pass
        return state.hexdigest()

    def _hashed(self, unit: Unit, state: xxhash.xxh3_128) -> Iterator[RawRow | Drop]:
        """Yield the unit's items, and add their content to `state`."""
        for item in self._items(unit):
            if isinstance(item, Drop):
                state.update(canonical_json([item.row, item.reason, item.detail]))
            else:
                sizes = [None if value is None else len(value) for value in item.values]
                state.update(canonical_json([item.number, *sizes]))
                for value in item.values:
                    state.update(value.encode() if isinstance(value, str) else value or b"")
            yield item

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: those of `records`, text_missing, text_not_string, image_missing, audio_missing, path_outside_folder,
        file_unreadable.
        """
        state = xxhash.xxh3_128()
        with unchanged(unit):
            batches = list(gather(self._fields, self._hashed(unit, state), self._budget))
        require_digest(unit, state.hexdigest())
        return iter(batches)

    def _items(self, unit: Unit) -> Iterator[RawRow | Drop]:
        fs, root = url_to_fs(self._source.path)
        number = 0
        for item in records(unit.path, self._longest):
            row = item.number if isinstance(item, Record) else item.row
            number = number if row < 0 else row
            if unit.stop is not None and (number >= unit.stop or row < 0):
                return
            if number < unit.start:
                continue
            try:
                yield item if isinstance(item, Drop) else self._row(fs, root, item)
            except BadRow as error:
                yield error.drop(row)

    def _row(self, fs: Any, root: str, record: Record) -> RawRow:
        values: list[str | bytes | None] = []
        for field, names in self._fields.items():
            if field == "text":
                text = pick_text(record.values, names)
                if len(text.encode()) > self._longest:
                    raise BadRow("row_too_large", f"over {self._longest} bytes")
                values.append(text)
            elif field == "license":
                values.append(pick_license(record.values, names))
            else:
                path, size = self._file(fs, root, record, field)
                if size > self._longest:
                    raise BadRow("row_too_large", path)
                try:
                    values.append(fs.cat_file(posixpath.join(root, path)))
                except PermissionError:
                    raise BadRow("file_unreadable", path) from None
                except FileNotFoundError:  # deleted after its size was read
                    raise BadRow(f"{field}_missing", path) from None
        return RawRow(record.number, tuple(values))

    def _size(self, fs: Any, root: str, record: Record) -> int:
        size = 0
        for field, names in self._fields.items():
            try:
                if field == "text":
                    size += len(pick_text(record.values, names).encode())
                elif field == "license":
                    size += len((pick_license(record.values, names) or "").encode())
                else:
                    size += self._file(fs, root, record, field)[1]
            except BadRow:
                pass
        return size

    def _file(self, fs: Any, root: str, record: Record, field: str) -> tuple[str, int]:
        """Return the path relative to `root` and the size of the file that a record names; raises BadRow."""
        missing = f"{field}_missing"
        name = next((record.values[key] for key in self._fields[field] if record.values.get(key)), None)
        if not isinstance(name, str) or "\0" in name:
            raise BadRow(missing, repr(name))
        if not is_inside(fs, root, name):
            raise BadRow("path_outside_folder", name)
        try:
            info = fs.info(posixpath.join(root, name))
        except (FileNotFoundError, NotADirectoryError):
            raise BadRow(missing, name) from None
        except PermissionError:
            raise BadRow("file_unreadable", name) from None
        if info["type"] != "file":
            raise BadRow("file_unreadable", f"{name} is no file")
        return name, int(info["size"])


def is_inside(fs: Any, root: str, name: str) -> bool:
    """True if a file name stays below the folder `root`, on local disks also after links are followed."""
    plain = posixpath.normpath(name)
    if plain.startswith("/") or plain.split("/")[0] == "..":
        return False
    if not isinstance(fs, LocalFileSystem):
        return True
    top = os.path.realpath(root)
    return os.path.commonpath([top, os.path.realpath(posixpath.join(top, name))]) == top
