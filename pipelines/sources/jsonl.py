"""JSON lines at Arrow's speed, line by line only where something is wrong.

A block of whole lines goes to Arrow's JSON parser first. That answer is taken only if it is certain to be what
`json.loads` would say line by line: as many rows as lines, no object across lines, valid UTF-8, no null. Otherwise
the block is read again slowly, and each bad line gets its reason.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from ...schemas.config.run import Limits
from ...schemas.config.sources import JsonlSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.identity import file_fingerprint
from .base import Drop, RawBatch, Unit
from .batches import LONGEST_ROW, BadRow, RawRow, regroup, table
from .change_detection import unchanged, unchanged_batches
from .files import printable, whole_files
from .streams import Broken, ByteStream

BOM = b"\xef\xbb\xbf"


class JsonlReader:
    """Lines of .jsonl, .jsonl.gz and .jsonl.zst files; a row's number is its line's, from 0, blank lines counted."""

    def __init__(self, source: JsonlSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._fields = source.fields
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._budget = partition_bytes

    def units(self) -> list[Unit]:
        """One unit a file."""
        return whole_files(self._source.name, self._source.path)

    def digest(self, unit: Unit) -> str:
        """The file's fingerprint, compressed as it is."""
        with unchanged(unit):
            return file_fingerprint(unit.path)

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Reasons: row_too_large, json_invalid, utf8_invalid, text_missing, text_not_string, file_truncated."""
        return unchanged_batches(unit, regroup(self._pieces(unit), self._budget))

    def _pieces(self, unit: Unit) -> Iterator[RawBatch]:
        line = 0
        with ByteStream(unit.path) as stream:
            try:
                for block in whole_lines(stream.blocks(), self._longest):
                    if block is None:
                        yield _slow([None], line, self._fields, self._longest)
                        line += 1
                        continue
                    lines = _count_lines(block)
                    values = _fast(block, lines, self._fields) if len(block) <= self._longest else None
                    if values is None:
                        yield _slow(block.split(b"\n")[:lines], line, self._fields, self._longest)
                    else:
                        numbers = pa.array(np.arange(line, line + lines))
                        yield RawBatch(pa.table({"row": numbers} | values))
                    line += lines
            except Broken as error:
                yield RawBatch(table(self._fields, []), [Drop(-1, "file_truncated", error_detail(error))])


def whole_lines(blocks: Iterable[bytes], longest: int) -> Iterator[bytes | None]:
    """Blocks cut after their last newline, a BOM removed; None for a line that outgrew `longest` by a block."""
    held: list[bytes] = []
    size, skipping, first = 0, False, True
    for block in blocks:
        if first:
            block, first = block.removeprefix(BOM), False
        if skipping:
            _, newline, block = block.partition(b"\n")
            if not newline:
                continue
            yield None
            skipping = False
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*held, block[:cut]])
            held, size, block = [], 0, block[cut:]
        held.append(block)
        size += len(block)
        if size > longest:
            held, size, skipping = [], 0, True
    if skipping:
        yield None
    elif size:
        yield b"".join(held)


def parse_line(line: bytes) -> dict[str, Any]:
    """The JSON object of a line; raises BadRow."""
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise BadRow("utf8_invalid", error_detail(error)) from None
    except (ValueError, RecursionError) as error:
        raise BadRow("json_invalid", error_detail(error)) from None
    if not isinstance(value, dict):
        raise BadRow("json_invalid", f"a {type(value).__name__}, not an object")
    return value


def pick_text(values: dict[str, Any], columns: Iterable[str]) -> str:
    """The first of `columns` that is there and not null; raises BadRow."""
    value = next((values[column] for column in columns if values.get(column) is not None), None)
    if value is None:
        raise BadRow("text_missing", "has " + (", ".join(map(str, values))[:200] or "nothing"))
    if not isinstance(value, str):
        raise BadRow("text_not_string", type(value).__name__)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRow("utf8_invalid", error.reason) from None
    return value


def pick_license(values: dict[str, Any], columns: Iterable[str]) -> str | None:
    """The first of `columns` that is there and not null, as JSON unless it is a string; no reason to drop a row."""
    value = next((values[column] for column in columns if values.get(column) is not None), None)
    return None if value is None else printable(value if isinstance(value, str) else json.dumps(value))


def _count_lines(block: bytes) -> int:
    return block.count(b"\n") + (not block.endswith(b"\n"))


def _fast(block: bytes, lines: int, fields: Mapping[str, tuple[str, ...]]) -> dict[str, pa.ChunkedArray] | None:
    """The fields of a block of `lines` lines, or None when it takes the slow way to be sure."""
    # `}` newline `{` is in no JSON value, so one a line's end leaves no object across lines and no blank line
    between = b"}\r\n{" if block.endswith(b"\r\n") else b"}\n{"
    if not (block.startswith(b"{") and block[-3:].rstrip(b"\r\n").endswith(b"}") and block.count(between) == lines - 1):
        return None
    try:
        pa.array([block], pa.binary()).cast(pa.string())
        columns = dict.fromkeys(column for names in fields.values() for column in names)
        parsed = pyarrow.json.read_json(
            pa.BufferReader(block),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema([(column, pa.string()) for column in columns]),
                unexpected_field_behavior="ignore",
            ),
        )
        values = {name: pc.coalesce(*(parsed[column] for column in names)) for name, names in fields.items()}
        for column in values.values():
            column.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return values if len(parsed) == lines and not values["text"].null_count else None


def _slow(lines: Iterable[bytes | None], first: int, fields: Mapping[str, tuple[str, ...]], longest: int) -> RawBatch:
    rows: list[RawRow] = []
    drops: list[Drop] = []
    for number, line in enumerate(lines, first):
        if line is None or len(line) > longest:
            drops.append(Drop(number, "row_too_large", f"over {longest} bytes"))
        elif line.strip():
            try:
                values = parse_line(line)
                license_ = [pick_license(values, fields["license"])] if "license" in fields else []
                rows.append(RawRow(number, (pick_text(values, fields["text"]), *license_)))
            except BadRow as error:
                drops.append(error.drop(number))
    return RawBatch(table(fields, rows), drops)
