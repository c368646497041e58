"""Reader of JSON lines: Arrow's fast parser where possible, line by line where something is wrong.

A block of whole lines is first parsed by Arrow. The result is used only if it certainly equals that of `parse_line`
line by line: as many rows as lines, no object across lines, valid UTF-8, no null. Otherwise the block is parsed again
line by line, and each bad line gets a reason. So what becomes of a line does not depend on the others in its block.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from ...schemas.config.columns import is_column
from ...schemas.config.layouts import items_of
from ...schemas.config.run import Limits
from ...schemas.config.sources import JsonlSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.identity import file_fingerprint
from .base import Drop, RawBatch, Unit
from .batches import LONGEST_ROW, BadRow, regroup, table
from .change_detection import unchanged, unchanged_batches
from .content_type import require_readable
from .expansion import expanding
from .files import whole_files
from .first_rows import first_rows, first_units, head_digest
from .heads import json_heads, require_in_heads
from .json_block import JsonBlocks
from .json_document import refuse_documents
from .json_line import parse_line
from .json_texts import arrow_type, is_exact, json_texts
from .not_for_samples import lists_in, refuse_interleaved
from .streams import BLOCK, Broken, ByteStream
from .text_blocks import text_blocks

TYPED_LINES = 16  # lines of a block whose values decide the types of columns


class JsonlReader:
    """Reads JSON lines, also of compressed files; rows are numbered by their lines from 0, with blank lines."""

    def __init__(self, source: JsonlSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._fields = source.fields
        self._text_from = source.text_from
        # a list, or an item of one, is found line by line
        self._plain = source.text_from is None and not any(items_of(column) for column in self._fields["text"])
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._listed = limits.ledger_rows
        self._budget = partition_bytes

    def units(self) -> list[Unit]:
        """List one unit per file.

        Raises:
            Refusal: A file is not text, or has no column that is kept or filtered; see also `Reader.units`.
        """
        files = whole_files(self._source.name, self._source.path)
        units = first_units(self, files, self._source.limit)
        require_readable(self._source.name, units, self._source.kind)
        refuse_documents(self._source, units)
        refuse_interleaved(_first_lists(files[0].path), self._source, files[0].label)
        require_in_heads(self._source, json_heads(units))
        return units

    def files(self, unit: Unit) -> tuple[str, ...]:
        """Return the URL of the unit's file."""
        return (unit.path,)

    def digest(self, unit: Unit) -> str:
        """Return the fingerprint of the file, without decompression."""
        if unit.most is not None:
            return head_digest(self.read(unit))
        with unchanged(unit):
            return file_fingerprint(unit.path)

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: row_too_large, json_invalid, utf8_invalid, text_missing, text_not_string, file_truncated,
        format_unsupported, expansion_too_large.
        """
        batches = regroup(first_rows(self._pieces(unit), unit.most), self._budget)
        return expanding(unit, unchanged_batches(unit, batches))

    def _pieces(self, unit: Unit) -> Iterator[RawBatch]:
        line = 0
        slow = JsonBlocks(self._fields, self._longest, self._text_from, max(self._listed, unit.most or 0))
        with ByteStream(unit.path) as stream:
            try:
                for block in whole_lines(text_blocks(stream.blocks(), "json"), self._longest):
                    if block is None:
                        yield slow.too_long(line)
                        line += 1
                        continue
                    lines = _count_lines(block)
                    if not block.isspace():
                        yield from self._parsed(block, line, lines, slow)
                    line += lines
            except Broken as error:
                rest = Drop(-1, error.reason, error_detail(error))
                yield RawBatch(table(self._fields, [], self._text_from is not None), [rest])

    def _parsed(self, block: bytes, line: int, lines: int, slow: JsonBlocks) -> Iterator[RawBatch]:
        values = _fast(block, lines, self._fields) if self._plain and len(block) <= self._longest else None
        if values is None:
            yield from slow.parse(block, line)
        else:
            yield RawBatch(pa.table({"row": pa.array(np.arange(line, line + lines))} | values))


def whole_lines(blocks: Iterable[bytes], longest: int) -> Iterator[bytes | None]:
    """Regroup blocks so that each ends with a newline.

    Args:
        blocks: Blocks of a file.
        longest: Maximum length of a line; the limit may be exceeded by less than a block.

    Yields:
        Blocks of whole lines; None for a line that is too long.
    """
    held: list[bytes] = []
    size, skipping = 0, False
    for block in blocks:
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


def _first_lists(url: str) -> Iterable[str]:
    """Return the keys of lists in a file's first line, as far as it is a JSON object in the first block."""
    with ByteStream(url) as stream:
        try:
            return lists_in(parse_line(stream.read(BLOCK).partition(b"\n")[0], ()))
        except (BadRow, Broken):
            return ()


def _count_lines(block: bytes) -> int:
    return block.count(b"\n") + (not block.endswith(b"\n"))


def _fast(block: bytes, lines: int, fields: Mapping[str, tuple[str, ...]]) -> dict[str, pa.ChunkedArray] | None:
    """Parse a block of `lines` lines with Arrow; None when the result might differ from that of the slow parser."""
    # `}` newline `{` occurs in no JSON value, so one at each line's end rules out objects across lines and blank lines
    between = b"}\r\n{" if block.endswith(b"\r\n") else b"}\n{"
    if not (block.startswith(b"{") and block[-3:].rstrip(b"\r\n").endswith(b"}") and block.count(between) == lines - 1):
        return None
    try:
        pa.array([block], pa.binary()).cast(pa.string())
        types = _types(block, fields)
        parsed = pyarrow.json.read_json(
            pa.BufferReader(block),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(types),
                unexpected_field_behavior="ignore",
            ),
        )
        if not all(is_exact(parsed[names[0]]) for name, names in fields.items() if is_column(name)):
            return None
        values = {
            name: json_texts(parsed[names[0]]) if is_column(name) else pc.coalesce(*(parsed[each] for each in names))
            for name, names in fields.items()
        }
        for column in values.values():
            column.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return values if len(parsed) == lines and not values["text"].null_count else None


def _types(block: bytes, fields: Mapping[str, tuple[str, ...]]) -> dict[str, pa.DataType]:
    """Return the type of each column that is read: strings, and those of columns as in the first lines of the block.

    Raises:
        pa.ArrowInvalid: A column holds lists or objects, or the first lines cannot be parsed.
    """
    types = {name: pa.string() for field, names in fields.items() if not is_column(field) for name in names}
    columns = [names[0] for field, names in fields.items() if is_column(field) and names[0] not in types]
    if columns:
        lines = block.split(b"\n", TYPED_LINES)[:TYPED_LINES]
        try:
            rows = [parse_line(line, columns) for line in lines if line.strip()]
        except BadRow:
            raise pa.ArrowInvalid("a line is bad") from None
        for column in columns:
            kind = arrow_type(row.get(column) for row in rows)
            if kind is None:
                raise pa.ArrowInvalid("not a plain value")
            types[column] = kind
    return types
