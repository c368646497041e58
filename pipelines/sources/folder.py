"""Reader of a folder of image or audio files with a table of their captions or transcripts."""

import posixpath
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

import xxhash
from fsspec.core import has_magic, url_to_fs

from ...schemas.config.columns import is_column
from ...schemas.config.run import Limits
from ...schemas.config.sources import FolderSource
from ...schemas.errors import Refusal
from ...schemas.identity import canonical_json
from .base import Drop, RawBatch, Unit
from .batches import LONGEST_ROW, BadRow, RawRow, first_drops, gather, value_bytes
from .change_detection import require_digest, stamp, unchanged
from .columns import require_columns
from .delimited_table import Record
from .files import printable, public_path, refusing, whole_files
from .folder_files import FolderFiles
from .json_line import pick_license
from .json_texts import json_text
from .metadata_table import MetadataTable
from .not_for_samples import lists_in, refuse_addresses, refuse_interleaved
from .table_format import NAMES
from .text_values import pick_text


class FolderReader:
    """Reads a folder's table and the files that it names; the number of a row is that of its record in the table."""

    def __init__(self, source: FolderSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._fields = source.fields
        self._lists = source.text_from is not None
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._listed = limits.ledger_rows
        self._budget = partition_bytes

    def units(self) -> list[Unit]:
        """List runs of records whose texts and files have at most `partition_bytes`, or one record."""
        left = self._source.limit
        units: list[Unit] = []
        for table in self._tables():
            runs, rows = self._runs(table, left)
            units += runs
            left = None if left is None else left - rows
            if left == 0:
                break
        return units

    def _runs(self, table: Unit, most: int | None) -> tuple[list[Unit], int]:
        """Divide the first `most` records of a table, or all; returns the runs and the number of their records."""
        files = self._files(table)
        starts = [0]
        used = read = 0
        last = -1
        columns: dict[str, Any] = {}
        with unchanged(table):
            for item in islice(self._records(table), most):
                read += 1
                last = item.number if isinstance(item, Record) else item.row
                if isinstance(item, Record):
                    if not columns:
                        refuse_interleaved(lists_in(item.values), self._source, table.label)
                        refuse_addresses(item.values, self._source, table.label)
                    columns |= dict.fromkeys(item.values)
                    size = self._size(files, item)
                    if used + size > self._budget and used:
                        starts.append(item.number)
                        used = 0
                    used += size
        if columns:
            require_columns(self._source, list(columns), table.label)
        stops = [*starts[1:], last + 1 if read == most and last >= 0 else None]
        return [replace(table, start=start, stop=stop) for start, stop in zip(starts, stops, strict=True)], read

    def _records(self, table: Unit) -> Iterator[Record | Drop]:
        return MetadataTable(self._source, table.path, table.label, self._longest, table.stamp).records()

    def _files(self, table: Unit) -> FolderFiles:
        """Return the files that a table names; with a glob, names are relative to the table's own folder."""
        several = self._source.table is not None and has_magic(self._source.table)
        base = posixpath.dirname(table.label) if several else ""
        fs, root = url_to_fs(self._source.path)
        return FolderFiles(fs, root, base, self._source.path_prefix, self._source.path_suffix)

    def _tables(self) -> list[Unit]:
        name, path, table = self._source.name, self._source.path, self._source.table
        with refusing(name, path):
            fs, root = url_to_fs(path)
            fs.ls(root)
            if not fs.isdir(root):
                raise NotADirectoryError(path)
        if table is not None and has_magic(table):
            pattern = f"{path.rstrip('/')}/{table}"
            return [replace(unit, label=_below(fs, root, unit)) for unit in whole_files(name, pattern)]
        names = (table,) if table else NAMES
        found = next((each for each in names if fs.isfile(posixpath.join(root, each))), None)
        if found is None:
            raise Refusal(
                f"`sources.{name}.table` is {table!r}: {path} has no {' or '.join(names)}. "
                "Give the name of a CSV, TSV, JSON, JSONL or Parquet file in that folder; for files of the same name "
                "without a table, use `pair_by: name`."
            )
        url = posixpath.join(root, found)
        with refusing(name, path):
            fs.open(url).close()
            return [Unit(fs.unstrip_protocol(url), found, stamp=stamp(fs.unstrip_protocol(url)))]

    def files(self, unit: Unit) -> Iterator[str]:
        """Return the URLs of the table, which is read for it, and of the files that the unit's records name."""
        yield unit.path
        files = self._files(unit)
        media = [field for field in self._fields if field not in ("text", "license") and not is_column(field)]
        for item in self._records(unit):
            number = item.number if isinstance(item, Record) else item.row
            if unit.stop is not None and number >= unit.stop:
                return
            if isinstance(item, Record) and number >= unit.start:
                for field in media:
                    with suppress(BadRow):
                        yield files.url(self._name(item, field))

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
                state.update(canonical_json([item.number, *map(_length, item.values)]))
                for value in item.values:
                    for part in value if isinstance(value, tuple) else (value,):
                        state.update(part.encode() if isinstance(part, str) else part or b"")
            yield item

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: those of `MetadataTable.records`, text_missing, text_not_string, image_missing, audio_missing,
        path_outside_folder, file_unreadable.
        """
        state = xxhash.xxh3_128()
        with unchanged(unit):
            items = gather(self._fields, self._hashed(unit, state), self._budget, self._lists)
            batches = list(first_drops(items, self._listed))
        require_digest(unit, state.hexdigest())
        return iter(batches)

    def _items(self, unit: Unit) -> Iterator[RawRow | Drop]:
        files = self._files(unit)
        number = 0
        for item in self._records(unit):
            row = item.number if isinstance(item, Record) else item.row
            number = number if row < 0 else row
            if unit.stop is not None and (number >= unit.stop or row < 0):
                return
            if number < unit.start:
                continue
            try:
                yield item if isinstance(item, Drop) else self._row(files, item)
            except BadRow as error:
                yield error.drop(row)

    def _row(self, files: FolderFiles, record: Record) -> RawRow:
        values: list[str | bytes | tuple[str, ...] | None] = []
        for field, names in self._fields.items():
            if field == "text":
                text = pick_text(record.values, names, self._source.text_from)
                if value_bytes(text) > self._longest:
                    raise BadRow("row_too_large", f"over {self._longest} bytes")
                values.append(text)
            elif field == "license":
                values.append(pick_license(record.values, names))
            elif is_column(field):
                values.append(json_text(record.values.get(names[0])))
            else:
                values.append(files.read(self._name(record, field), f"{field}_missing", self._longest))
        return RawRow(record.number, tuple(values))

    def _size(self, files: FolderFiles, record: Record) -> int:
        size = 0
        for field, names in self._fields.items():
            try:
                if field == "text":
                    size += value_bytes(pick_text(record.values, names, self._source.text_from))
                elif field == "license":
                    size += len((pick_license(record.values, names) or "").encode())
                elif is_column(field):
                    size += len((json_text(record.values.get(names[0])) or "").encode())
                else:
                    size += files.find(self._name(record, field), f"{field}_missing")[1]
            except BadRow:
                pass
        return size

    def _name(self, record: Record, field: str) -> str:
        """Return the file name that a record has for a field; raises BadRow."""
        name = next((record.values[key] for key in self._fields[field] if record.values.get(key)), None)
        if not isinstance(name, str) or "\0" in name:
            raise BadRow(f"{field}_missing", repr(name))
        return name


def _length(value: str | bytes | tuple[str, ...] | None) -> int | list[int] | None:
    if isinstance(value, tuple):
        return [len(text) for text in value]
    return None if value is None else len(value)


def _below(fs: Any, root: str, file: Unit) -> str:
    """Return the name of a file below the folder `root`."""
    path = public_path(fs, fs._strip_protocol(file.path))
    return printable(path.removeprefix(public_path(fs, root).rstrip("/")).lstrip("/"))
