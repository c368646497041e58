"""Reader of WebDataset tars, including those written by img2dataset.

`webdataset` itself groups the members of a sample (`group_by_keys`). Its own tar iterator is not used: it takes a
corrupt or missing header for the end of the tar, and reads every member into memory whatever its size. So members are
read with `tarfile`, which can report both.
"""

import re
import tarfile
from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from ...schemas.config.columns import is_column
from ...schemas.config.layouts import items_of
from ...schemas.config.run import Limits
from ...schemas.config.sources import WebDatasetSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.identity import file_fingerprint
from .base import Drop, RawBatch, Unit
from .batches import LONGEST_ROW, BadRow, RawRow, gather
from .change_detection import unchanged, unchanged_batches
from .files import whole_files
from .first_rows import first_units, head_digest
from .heads import FILES, require_in_heads
from .json_line import parse_line, pick_license
from .json_texts import json_text
from .streams import Broken, ByteStream
from .text_values import pick_text, used_keys

LONG_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
HEADER_BYTES = 1 << 20  # a larger long name or pax header is an attack or garbage
META = re.compile(r"__[^/]*__($|/)")  # members that webdataset skips
HEAD_MEMBERS = 200  # members of a tar that are looked into before work
TOO_LARGE = None  # content of a member beyond the size limit


class WebDatasetReader:
    """Reads samples of .tar, .tar.gz and .tar.zst files; rows are numbered by sample within the tar."""

    def __init__(self, source: WebDatasetSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._fields = source.fields
        self._lists = source.text_from is not None
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._budget = partition_bytes

    def units(self) -> list[Unit]:
        """List one unit per tar."""
        units = first_units(self, whole_files(self._source.name, self._source.path), self._source.limit)
        require_in_heads(self._source, (self._head(unit) for unit in units[:FILES]))
        return units

    def _head(self, unit: Unit) -> Iterator[dict[str, Any]]:
        """Yield the .json members among the first members of a tar, with their keys also as `json.key`."""
        try:
            with ByteStream(unit.path) as stream:
                for name, data in islice(tar_members(stream, frozenset({"json"}), self._longest), HEAD_MEMBERS):
                    if name.lower().endswith(".json") and data:
                        found = parse_line(data, ())
                        yield found | {f"json.{key}": value for key, value in found.items()}
        except (Broken, BadRow):
            return

    def digest(self, unit: Unit) -> str:
        """Return the fingerprint of the tar, without decompression."""
        if unit.most is not None:
            return head_digest(self.read(unit))
        with unchanged(unit):
            return file_fingerprint(unit.path)

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: those of missing modalities (`text_missing`, …), row_too_large, utf8_invalid, json_invalid,
        text_not_string, member_duplicate, file_truncated.
        """
        items = islice(self._items(unit), unit.most)
        return unchanged_batches(unit, gather(self._fields, items, self._budget, self._lists))

    def _items(self, unit: Unit) -> Iterator[RawRow | Drop]:
        from webdataset.tariterators import base_plus_ext, group_by_keys

        last = ""
        broken: list[Broken] = []
        duplicates: dict[str, str] = {}

        def members() -> Iterator[dict[str, Any]]:
            nonlocal last
            try:
                with ByteStream(unit.path) as stream:
                    for last, data in tar_members(stream, self._wanted(), self._longest):
                        yield {"fname": last, "data": data, "__url__": unit.label}
            except Broken as error:  # ends the iteration normally, so that the sample before it is still grouped
                broken.append(error)

        def note_duplicate(error: Exception) -> bool:
            duplicates[base_plus_ext(last)[0]] = last
            return True

        for row, sample in enumerate(group_by_keys(members(), handler=note_duplicate)):
            duplicate = duplicates.pop(sample["__key__"], None)
            yield self._row(row, sample) if duplicate is None else Drop(row, "member_duplicate", duplicate)
        yield from (Drop(-1, "file_truncated", error_detail(error)) for error in broken)

    def _wanted(self) -> frozenset[str]:
        return frozenset(name for names in self._fields.values() for name in names) | {"json"}

    def _row(self, row: int, sample: dict[str, Any]) -> RawRow | Drop:
        members = {name: data for name, data in sample.items() if not META.match(name)}
        values: list[str | bytes | tuple[str, ...] | None] = []
        for field, names in self._fields.items():
            try:
                if field == "text":
                    values.append(_text(members, names, self._source.text_from))
                elif field == "license":
                    values.append(_license(members, names))
                elif is_column(field):
                    values.append(json_text(_object(members, names).get(names[0].removeprefix("json."))))
                else:
                    values.append(_media(members, names, field))
            except BadRow as error:
                return error.drop(row)
        return RawRow(row, tuple(values))


def _media(members: dict[str, bytes | None], names: tuple[str, ...], field: str) -> bytes:
    name = next((name for name in names if name in members), None)
    if name is None:
        raise BadRow(f"{field}_missing", f"has {', '.join(members)}")
    return _content(members, name)


def _text(members: dict[str, bytes | None], names: tuple[str, ...], text_from: str | None) -> str | tuple[str, ...]:
    """Return the first of `names` that is a member, or a non-null key of the .json member (also as `json.key`)."""
    found: dict[str, Any] = {}
    for name in names:
        key = name.removeprefix("json.")
        if name in members:
            try:
                text = _content(members, name).decode()
                return text if text_from is None else (text,)
            except UnicodeDecodeError as error:
                raise BadRow("utf8_invalid", error_detail(error)) from None
        if "json" in members:
            found = found or parse_line(_content(members, "json"), _keys(names))
            items = items_of(key)
            if found.get(items.column if items else key) is not None:
                return pick_text(found, [key], text_from)
    raise BadRow("text_missing", f"has {', '.join([*members, *found])[:200]}")


def _license(members: dict[str, bytes | None], names: tuple[str, ...]) -> str | None:
    """Like `_text`, but a licence that cannot be read is None."""
    for name in names:
        data = members.get(name)
        if data is not None:
            return data.decode(errors="backslashreplace")
        found = pick_license(_object(members, names), [name.removeprefix("json.")])
        if found is not None:
            return found
    return None


def _object(members: dict[str, bytes | None], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the object of the .json member; empty when there is no such member, or one that cannot be read."""
    try:
        return parse_line(members.get("json") or b"{}", _keys(names))
    except BadRow:
        return {}


def _keys(names: tuple[str, ...]) -> frozenset[str]:
    return used_keys({"": [name.removeprefix("json.") for name in names]})


def _content(members: dict[str, bytes | None], name: str) -> bytes:
    data = members[name]
    if data is TOO_LARGE:
        raise BadRow("row_too_large", name)
    return data


class _Header(tarfile.TarInfo):
    """A header that does not hide damage as the end of the tar and limits the size of long headers."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            # TarFile.next would end quietly at most of these errors; only a block of zeros is the end
            if type(error).__name__ == "EOFHeaderError":
                raise
            raise tarfile.ReadError(f"{error or 'no header'} at byte {tar.offset}") from None

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        header = super().frombuf(buf, encoding, errors)
        if header.type in LONG_HEADERS and header.size > HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header


def tar_members(stream: ByteStream, wanted: frozenset[str], longest: int) -> Iterator[tuple[str, bytes | None]]:
    """Yield the name and content of each regular member in order, holding one member in memory.

    Names are only compared: nothing is written to disk.

    Args:
        stream: The tar.
        wanted: Extensions of the members to read; the content of others is empty.
        longest: Maximum size of a member; the content of a larger one is None (`TOO_LARGE`).

    Raises:
        Broken: The tar is damaged at this point.
    """
    try:
        tar = tarfile.TarFile(fileobj=cast(Any, stream), tarinfo=_Header, encoding="utf-8", errors="surrogateescape")
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # otherwise every header stays in memory
            if not member.isreg() or META.match(member.name):
                continue
            ending = member.name.rpartition("/")[2].partition(".")[2].lower()
            content = tar.extractfile(member) if ending in wanted and member.size <= longest else None
            if content is None:
                yield member.name, TOO_LARGE if ending in wanted else b""
            else:
                yield member.name, content.read()
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise Broken(error_detail(error)) from None
    if any(block.strip(b"\0") for block in stream.blocks()):
        raise Broken("more data after the end of the archive")
