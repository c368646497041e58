"""Reads the CSV or JSONL table of a folder of media files, row by row and in bounded memory."""

import csv
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...schemas.dataset.drop_detail import error_detail
from ...schemas.errors import Refusal
from .base import Drop
from .batches import BadRow
from .jsonl import parse_line, whole_lines
from .streams import Broken, ByteStream


class Record(NamedTuple):
    """A row of the table by column name; bytes that are not UTF-8 become surrogate escapes."""

    number: int
    values: dict[str, Any]


def records(url: str, longest: int) -> Iterator[Record | Drop]:
    """Read the records of a .csv or .tsv file with a header, or of a .jsonl file.

    Records are numbered from 0, not counting the header but counting blank lines. Reasons for drops: row_too_large,
    csv_invalid, json_invalid, utf8_invalid, file_truncated, format_unsupported.

    Raises:
        Refusal: A CSV file has no header.
    """
    with ByteStream(url) as stream:
        try:
            if ".jsonl" in url.rpartition("/")[2]:
                yield from _json_records(_lines(stream, longest))
            else:
                yield from _csv_records(url, _lines(stream, longest), longest)
        except Broken as error:
            yield Drop(-1, error.reason, error_detail(error))


def _lines(stream: ByteStream, longest: int) -> Iterator[bytes | None]:
    for block in whole_lines(stream.blocks(), longest):
        if block is None:
            yield None
        else:
            for line in io.BytesIO(block):
                yield line if len(line) <= longest else None


def _json_records(lines: Iterator[bytes | None]) -> Iterator[Record | Drop]:
    for number, line in enumerate(lines):
        if line is None:
            yield Drop(number, "row_too_large")
        elif line.strip():
            try:
                yield Record(number, parse_line(line))
            except BadRow as error:
                yield error.drop(number)


def _csv_records(url: str, lines: Iterator[bytes | None], longest: int) -> Iterator[Record | Drop]:
    too_large = False

    def text_lines() -> Iterator[str]:
        nonlocal too_large
        for line in lines:
            too_large |= line is None
            yield "\n" if line is None else line.decode(errors="surrogateescape")

    csv.field_size_limit(max(longest, csv.field_size_limit()))  # the default is 128 KiB, for all readers of the module
    rows = csv.reader(text_lines(), delimiter="\t" if ".tsv" in url.rpartition("/")[2] else ",", strict=True)
    try:
        header = next(rows, [])
    except csv.Error:
        header = []
    if not header:
        raise Refusal(f"{url}: has no header line. Name the table's columns in its first line.")
    number = -1
    while True:
        number += 1
        too_large = False
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Drop(number, "row_too_large" if "field limit" in str(error) else "csv_invalid", error_detail(error))
            continue
        if too_large:
            yield Drop(number, "row_too_large")
        elif row and len(row) != len(header):
            yield Drop(number, "csv_invalid", f"{len(row)} fields under {len(header)} columns")
        elif row:
            yield Record(number, dict(zip(header, row, strict=True)))
