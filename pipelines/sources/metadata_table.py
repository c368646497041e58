"""Reads the table of a folder of media files, row by row and in bounded memory."""

import io
from collections.abc import Iterator

from ...schemas.config.sources import FolderSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.errors import Refusal
from .base import Drop
from .batches import BadRow
from .columns import require_columns
from .content_type import head_of
from .delimited_table import DelimitedTable, Record
from .expansion import table_blocks
from .json_line import parse_line
from .json_table import json_records, lists_of
from .jsonl import whole_lines
from .parquet_table import parquet_records
from .streams import Broken, ByteStream
from .table_format import TableFormat, table_format
from .text_blocks import Syntax, text_blocks, without_marks
from .text_values import used_keys

FILES = ("image", "audio")  # fields whose columns hold file names


class MetadataTable:
    """A table of text (.csv, .tsv and others), of JSON lines, in JSON or in Parquet."""

    def __init__(self, source: FolderSource, url: str, label: str, longest: int, stamp: str = "") -> None:
        """Open no file.

        Args:
            source: The source.
            url: URL of the table.
            label: Name of the table, for error messages.
            longest: Maximum length of a line or field, in bytes.
            stamp: Version of the table.
        """
        self._source = source
        self._url, self._label, self._stamp = url, label, stamp
        self._longest = longest

    def records(self) -> Iterator[Record | Drop]:
        """Read the records.

        Records are numbered from 0, not counting a header but counting blank lines; a record of several lines counts
        once. Reasons for drops: row_too_large, csv_invalid, json_invalid, utf8_invalid, file_truncated,
        file_unreadable, format_unsupported, expansion_too_large, join_missing.

        Raises:
            Refusal: The table has a format that is not read, no header, not all columns of the source or two of one
                name, or an unbalanced quote. Columns of JSON lines are not checked here: each object has its own.
        """
        found = table_format(self._source, self._url, head_of(self._url))
        if found.kind == "parquet":
            yield from parquet_records(self._source, self._url, self._label)
            return
        if found.kind == "json":
            yield from json_records(self._source, self._url, self._label, self._stamp, self._longest)
            return
        with ByteStream(self._url) as stream:
            try:
                yield from self._json_records(stream) if found.kind == "jsonl" else self._text_records(stream, found)
            except Broken as error:
                yield Drop(-1, error.reason, error_detail(error))

    def _lines(self, stream: ByteStream, syntax: Syntax) -> Iterator[bytes | None]:
        return table_lines(table_blocks(self._url, stream), syntax, self._longest)

    def _json_records(self, stream: ByteStream) -> Iterator[Record | Drop]:
        used = used_keys(self._source.fields)
        for number, line in enumerate(self._lines(stream, "json")):
            if number == 0 and ".jsonl" not in self._url.lower():
                self._require_lines(line)
            if line is None:
                yield Drop(number, "row_too_large")
            elif without_marks(line).strip():
                try:
                    yield Record(number, parse_line(line, used))
                except BadRow as error:
                    yield error.drop(number)

    def _require_lines(self, first: bytes | None) -> None:
        """Refuse a JSON file that is one object with the records in a list of it."""
        try:
            record = {} if first is None else parse_line(first, ())
        except BadRow:
            return
        if not record.keys() & used_keys(self._source.fields):
            found = lists_of(self._url, self._longest)
            if found:
                raise Refusal(
                    f"`sources.{self._source.name}.table`: {self._label} holds one JSON object. Name the list of its "
                    f"records with `records:`, which is one of: {', '.join(found)}."
                )

    def _text_records(self, stream: ByteStream, found: TableFormat) -> Iterator[Record | Drop]:
        assert found.dialect is not None
        lines = self._lines(stream, "csv" if found.dialect.quoted else "none")
        table = DelimitedTable(lines, found.dialect, self._label, self._source.columns)
        require_columns(self._source, table.columns, self._label)
        files = [name for field in FILES for name in self._source.fields.get(field, ())]
        yield from table.records(self._longest, files)


def table_lines(blocks: Iterator[bytes], syntax: Syntax, longest: int) -> Iterator[bytes | None]:
    """Yield the lines of a table with their ends, in UTF-8; None for one of more than `longest` bytes."""
    for block in whole_lines(text_blocks(blocks, syntax), longest):
        if block is None:
            yield None
        else:
            for line in io.BytesIO(block):
                yield line if len(line) <= longest else None
