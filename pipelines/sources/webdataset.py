"""Reader of WebDataset tars, including those written by img2dataset.

`webdataset` itself groups the members of a sample (`group_by_keys`).
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ...schemas.config.columns import is_column
from ...schemas.config.layouts import items_of
from ...schemas.config.run import Limits
from ...schemas.config.sources import WebDatasetSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.errors import Refusal
from ...schemas.identity import file_fingerprint
from .base import Drop, RawBatch, Unit
from .batches import LONGEST_ROW, BadRow, RawRow, gather
from .change_detection import unchanged, unchanged_batches
from .content_type import require_readable
from .expansion import expanding
from .files import whole_files
from .first_rows import first_units, head_digest
from .heads import require_in_heads
from .json_texts import json_text
from .not_for_samples import lists_in, refuse_interleaved
from .scattered import Apart, Part
from .streams import Broken, ByteStream
from .tar_fields import Members, Name, field_name, json_object, license_value, media_value, parse_json, text_value
from .tar_members import META, Member, tar_members, without_folder_dot

FIRST_TARS = 3  # that are looked at before any work
HEAD_MEMBERS = 200  # members of a tar that are looked into before work
HEAD_OBJECTS = 8  # .json members of a tar by which interleaved documents are told
MOST_NAMES = 10_000  # extensions and keys that are held; a hostile tar may have any number of them
SHOWN = 8  # extensions and keys that a refusal lists


class WebDatasetReader:
    """Reads samples of tars, also of compressed ones; rows are numbered by sample within the tar."""

    def __init__(self, source: WebDatasetSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._fields = {field: tuple(map(field_name, names)) for field, names in source.fields.items()}
        self._wanted = frozenset(name.extension for names in self._fields.values() for name in names) | {"json"}
        self._lists = source.text_from is not None
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._budget = partition_bytes

    def units(self) -> list[Unit]:
        """List one unit per tar.

        Raises:
            Refusal: Also when none of the first tars has a member of a field.
        """
        units = first_units(self, whole_files(self._source.name, self._source.path), self._source.limit)
        require_readable(self._source.name, units, self._source.kind, tar=True)
        for unit in units[:FIRST_TARS]:
            for found in islice(self._head(unit), HEAD_OBJECTS):
                refuse_interleaved(lists_in(found), self._source, unit.label)
        self._require_members(units[:FIRST_TARS])
        require_in_heads(self._source, (self._head(unit) for unit in units[:FIRST_TARS]))
        return units

    def _head(self, unit: Unit) -> Iterator[dict[str, Any]]:
        """Yield the .json members among the first members of a tar, with their keys also as `json.key`."""
        try:
            with ByteStream(unit.path) as stream:
                for member in islice(tar_members(stream, frozenset({"json"}), self._longest), HEAD_MEMBERS):
                    found = _json_of(member)
                    if found:
                        yield found | {f"json.{key}": value for key, value in found.items()}
        except Broken:
            return

    def _require_members(self, units: list[Unit]) -> None:
        missing = {field: names for field, names in self._fields.items() if field != "license" and not is_column(field)}
        extensions: Counter[str] = Counter()
        keys: dict[str, None] = {}
        whole = []
        for unit in units:
            try:
                with unchanged(unit), ByteStream(unit.path) as stream:
                    for member in tar_members(stream, frozenset({"json"}), self._longest):
                        if len(extensions) < MOST_NAMES or member.extension in extensions:
                            extensions[member.extension] += 1
                        if len(keys) < MOST_NAMES:
                            keys |= dict.fromkeys(_json_of(member))
                        missing = {
                            field: names for field, names in missing.items() if not _seen(names, extensions, keys)
                        }
                        if not missing:
                            return
                whole.append(unit.label)
            except Broken:  # dropped when it is read
                continue
        if whole and extensions:
            field = next(iter(missing))
            raise Refusal(_said(self._source, field, whole, extensions, list(keys)))

    def files(self, unit: Unit) -> tuple[str, ...]:
        """Return the URL of the unit's file."""
        return (unit.path,)

    def digest(self, unit: Unit) -> str:
        """Return the fingerprint of the tar, without decompression."""
        if unit.most is not None:
            return head_digest(self.read(unit))
        with unchanged(unit):
            return file_fingerprint(unit.path)

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: those of missing modalities (`text_missing`, …), row_too_large, utf8_invalid, json_invalid,
        text_not_string, member_duplicate, member_scattered, member_is_link, file_truncated, format_unsupported,
        expansion_too_large.
        """
        batches = gather(self._fields, self._items(unit), self._budget, self._lists)
        return expanding(unit, unchanged_batches(unit, batches))

    def _items(self, unit: Unit) -> Iterator[RawRow | Drop | None]:
        from webdataset.tariterators import base_plus_ext, group_by_keys

        last = ""
        known = 0  # rows and drops so far
        broken: list[Broken] = []
        duplicates: dict[str, str] = {}
        apart = Apart()

        def members() -> Iterator[dict[str, Any]]:
            nonlocal last
            try:
                with ByteStream(unit.path) as stream:
                    for last, data in tar_members(stream, self._wanted, self._longest):
                        yield {"fname": without_folder_dot(last), "data": data, "__url__": unit.label}
            except Broken as error:  # ends the iteration normally, so that the sample before it is still grouped
                broken.append(error)

        def note_duplicate(error: Exception) -> bool:
            duplicates[base_plus_ext(without_folder_dot(last))[0]] = last
            return True

        for row, sample in enumerate(group_by_keys(members(), handler=note_duplicate)):
            duplicate = duplicates.pop(sample["__key__"], None)
            for item in apart.add(self._part(row, sample, duplicate)):
                known += item is not None
                yield item
            if unit.most is not None and known + apart.waiting >= unit.most:
                yield from apart.end()
                return
        yield from apart.end()
        yield from (Drop(-1, error.reason, error_detail(error)) for error in broken)

    def _part(self, row: int, sample: dict[str, Any], duplicate: str | None) -> Part:
        members = {name: data for name, data in sample.items() if not META.match(name)}
        item = self._row(row, members) if duplicate is None else Drop(row, "member_duplicate", duplicate)
        incomplete = isinstance(item, Drop) and item.reason.endswith("_missing")
        fields = frozenset(
            field
            for field, names in self._fields.items()
            if any(name.extension in members or (field == "text" and "json" in members) for name in names)
        )
        return Part(sample["__key__"], fields, item, incomplete)

    def _row(self, row: int, members: Members) -> RawRow | Drop:
        values: list[str | bytes | tuple[str, ...] | None] = []
        for field, names in self._fields.items():
            try:
                if field == "text":
                    values.append(text_value(members, names, self._source.text_from))
                elif field == "license":
                    values.append(license_value(members, names))
                elif is_column(field):
                    values.append(json_text(json_object(members, names).get(names[0].key)))
                else:
                    values.append(media_value(members, names, field))
            except BadRow as error:
                return error.drop(row)
        return RawRow(row, tuple(values))


def _json_of(member: Member) -> dict[str, Any]:
    if member.extension != "json" or isinstance(member.content, BadRow):
        return {}
    try:
        return parse_json(member.content, ())
    except BadRow:
        return {}


def _seen(names: tuple[Name, ...], extensions: Counter[str], keys: dict[str, None]) -> bool:
    return any(name.extension in extensions or _column(name.key) in keys for name in names)


def _column(key: str) -> str:
    """The key of the .json member that holds the value: that of the list, for the items of one."""
    items = items_of(key)
    return items.column if items else key


def _said(source: WebDatasetSource, field: str, tars: list[str], extensions: Counter[str], keys: list[str]) -> str:
    found = ", ".join(f".{name} ({count})" for name, count in islice(sorted(extensions.items()), SHOWN))
    has = f"Their members have the extensions {found}"
    if field == "text" and keys:
        has += f", and the .json members the keys {', '.join(keys[:SHOWN])}"
    return (
        f"`sources.{source.name}.{field}` is {getattr(source, field)!r}: the first tars ({', '.join(tars)}) have no "
        f"such member. {has}. Use one of them."
    )
