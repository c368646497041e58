"""Reader of a folder of image or audio files with a table of their captions or transcripts."""

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import xxhash
from fsspec.core import url_to_fs

from ...schemas.config.columns import is_column
from ...schemas.config.run import Limits
from ...schemas.config.sources import FolderSource
from ...schemas.errors import Refusal
from ...schemas.identity import canonical_json
from .base import Drop, RawBatch, Unit
from .batches import LONGEST_ROW, BadRow, RawRow, gather
from .change_detection import require_digest, stamp, unchanged
from .columns import require_columns
from .delimited_table import Record
from .files import refusing
from .folder_files import name_within
from .json_line import pick_license, pick_text
from .json_texts import json_text
from .metadata_table import MetadataTable
from .table_format import NAMES


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
        used = 0
        columns: dict[str, Any] = {}
        with unchanged(table):
            for item in self._records(table):
                if isinstance(item, Record):
                    columns |= dict.fromkeys(item.values)
                    size = self._size(fs, root, item)
                    if used + size > self._budget and used:
                        starts.append(item.number)
                        used = 0
                    used += size
        if columns:
            require_columns(self._source, list(columns), table.label)
        stops = [*starts[1:], None]
        return [replace(table, start=start, stop=stop) for start, stop in zip(starts, stops, strict=True)]

    def _records(self, table: Unit) -> Iterator[Record | Drop]:
        return MetadataTable(self._source, table.path, table.label, self._longest).records()

    def _table(self) -> Unit:
        name, path, table = self._source.name, self._source.path, self._source.table
        with refusing(name, path):
            fs, root = url_to_fs(path)
            fs.ls(root)
            if not fs.isdir(root):
                raise NotADirectoryError(path)
        names = (table,) if table else NAMES
        found = next((each for each in names if fs.isfile(posixpath.join(root, each))), None)
        if found is None:
            raise Refusal(
                f"`sources.{name}.table` is {table!r}: {path} has no {' or '.join(names)}. "
                "Give the name of a CSV, TSV, JSONL or Parquet file in that folder."
            )
        url = posixpath.join(root, found)
        with refusing(name, path):
            fs.open(url).close()
            return Unit(fs.unstrip_protocol(url), found, stamp=stamp(fs.unstrip_protocol(url)))

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

        Reasons: those of `MetadataTable.records`, text_missing, text_not_string, image_missing, audio_missing,
        path_outside_folder, file_unreadable.
        """
        state = xxhash.xxh3_128()
        with unchanged(unit):
            batches = list(gather(self._fields, self._hashed(unit, state), self._budget))
        require_digest(unit, state.hexdigest())
        return iter(batches)

    def _items(self, unit: Unit) -> Iterator[RawRow | Drop]:
        fs, root = url_to_fs(self._source.path)
        number = 0
        for item in self._records(unit):
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
            elif is_column(field):
                values.append(json_text(record.values.get(names[0])))
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
                elif is_column(field):
                    size += len((json_text(record.values.get(names[0])) or "").encode())
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
        given, name = name, name_within(fs, root, name)
        if name is None:
            raise BadRow("path_outside_folder", given)
        try:
            info = fs.info(posixpath.join(root, name))
        except (FileNotFoundError, NotADirectoryError):
            raise BadRow(missing, name) from None
        except PermissionError:
            raise BadRow("file_unreadable", name) from None
        if info["type"] != "file":
            raise BadRow("file_unreadable", f"{name} is no file")
        return name, int(info["size"])
