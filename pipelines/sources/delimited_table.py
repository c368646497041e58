"""Records of a text table: fields between delimiters, with or without quotes.

An unbalanced quote takes everything up to the next quote into one field, so rows would vanish in the text of another.
A record that fails is therefore taken back to its first line, so that the lines after it are read on their own; where
a field holds so many lines, or such lines, that they must be rows, the table is refused.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ...schemas.config.table_format import FIRST_SPACE
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.errors import Refusal
from .base import Drop
from .files import printable
from .text_blocks import without_marks

FEW: Final = 3  # lines in a field whose quote turns out to be unbalanced; with more of them the table is refused
MOST_LINES: Final = 1 << 19  # that are held for one record
MANY: Final = 1000  # lines in a field of a table whose quoting is not given
ROWS: Final = 5  # lines that could all be rows, where no file name shows that they are
FILE_NAME: Final = re.compile(r"\S(.*\S)?\.[A-Za-z0-9]{1,5}")
ADVICE: Final = (
    "If quotes are characters like others in this table, set `quoting: none`. If they enclose fields, close the quote, "
    "or double each quote within a field; if the field is right, set `quoting: csv`."
)


class Record(NamedTuple):
    """A row of a table by column name; bytes that are not UTF-8 become surrogate escapes."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class UnevenRow(Drop):
    """The drop of a row with more or fewer fields than columns."""

    fields: int = 0


@dataclass(frozen=True)
class Dialect:
    """How the lines of a table are divided."""

    delimiter: str  # one character, or FIRST_SPACE
    quoted: bool
    given: bool = False  # the run file says that it is quoted
    few: int = FEW  # most lines in a field of which only the first is dropped
    advice: str = ADVICE  # what to do about a quote that is not closed


class DelimitedTable:
    """The header and the records of a text table; both are read from the same lines, in this order."""

    def __init__(self, lines: Iterable[bytes | None], dialect: Dialect, where: str, columns: Sequence[str] | None):
        """Read the header.

        Args:
            lines: Lines with their ends; None for one that is too long.
            dialect: How they are divided.
            where: Name of the file, for error messages.
            columns: Names of the columns if the table has no header.

        Raises:
            Refusal: The table has no header line.
        """
        self._lines = _Lines(lines)
        self._dialect, self._where = dialect, where
        self._rows = self._quoted_rows() if dialect.quoted else self._plain_rows()
        if columns is None:
            header = next(self._rows, None)
            if not isinstance(header, list) or not header:
                raise Refusal(f"{where}: has no header line. Name the table's columns in its first line, or `columns`.")
            columns = [name.strip(" \t\ufeff") for name in header]
        self.columns = tuple(columns)

    def records(self, longest: int, files: Iterable[str] = ()) -> Iterator[Record | Drop]:
        """Yield the records, numbered from 0, with blank lines.

        Args:
            longest: Maximum length of a field, in bytes.
            files: Names of the columns that hold file names.

        Raises:
            Refusal: A quote is not closed, or closed only after many lines.
        """
        csv.field_size_limit(max(longest, csv.field_size_limit()))  # by default 128 KiB, for all users of the module
        places = [self.columns.index(name) for name in files if name in self.columns]
        named = max((place + 1 for place, name in enumerate(self.columns) if name), default=0)
        for number, row in enumerate(self._rows):
            if isinstance(row, csv.Error):
                reason = "row_too_large" if "field limit" in str(row) else "csv_invalid"
                yield Drop(number, reason, error_detail(row))
            elif None in self._lines.taken:  # a line that was too long
                yield Drop(number, "row_too_large")
            elif row:
                if len(self._lines.taken) > 1 and not self._dialect.given:
                    self._require_one_row(row, places)
                # a delimiter at the end of lines, or of the header alone, makes no column
                if len(row) >= named and not any(row[len(self.columns) :]):
                    yield Record(number, dict(zip(self.columns, row, strict=False)))
                else:
                    detail = f"{len(row)} fields under {len(self.columns)} columns"
                    yield UnevenRow(number, "csv_invalid", detail, fields=len(row))

    def _plain_rows(self) -> Iterator[list[str]]:
        delimiter = self._dialect.delimiter
        while True:
            self._lines.begin()
            line = next(self._lines, None)
            if line is None:
                return
            text = line.removesuffix("\n").removesuffix("\r")
            if delimiter == FIRST_SPACE:
                yield text.strip().split(maxsplit=1)
            else:
                yield text.split(delimiter) if text else []

    def _quoted_rows(self) -> Iterator[list[str] | csv.Error]:
        rows = csv.reader(self._lines, delimiter=self._dialect.delimiter, strict=True)
        while True:
            self._lines.begin()
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                if len(self._lines.taken) >= MOST_LINES:
                    raise self._unbalanced(f"goes on for more than {MOST_LINES:,} lines") from None
                if len(self._lines.taken) > self._dialect.few:
                    raise self._unbalanced("does not end where a field can end") from None
                yield error
                self._lines.take_back()
            else:
                yield row

    def _require_one_row(self, row: list[str], places: list[int]) -> None:
        count = max(field.count("\n") for field in row)
        lines = self._lines.texts()[1:]
        if count >= MANY or self._are_rows(lines, places):
            raise self._unbalanced(f"goes on for {count} more lines")

    def _are_rows(self, lines: list[str], places: list[int]) -> bool:
        """True if the lines within a record must be rows of their own."""
        rows = [line.rstrip("\r\n").split(self._dialect.delimiter) for line in lines]
        whole = [row for row in rows if len(row) == len(self.columns)]
        if places and any(all(FILE_NAME.fullmatch(row[place].strip('"')) for place in places) for row in whole):
            return True
        return len(self.columns) > 1 and len(rows) >= ROWS and len(whole) == len(rows)

    def _unbalanced(self, problem: str) -> Refusal:
        taken = self._lines.texts()
        number = self._lines.before + 1 + _opening(taken, self._dialect.delimiter)
        return Refusal(
            f"{printable(self._where)}, line {number}: a quote opens a field that {problem}, so other rows may be in "
            f"it. {self._dialect.advice}"
        )


class _Lines:
    """Lines as text, which can be taken back."""

    def __init__(self, lines: Iterable[bytes | None]) -> None:
        self._lines = iter(lines)
        self._again: deque[bytes | None] = deque()
        self.taken: list[bytes | None] = []  # for the record that is read
        self.before = 0  # lines before that record

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES:
            raise csv.Error("too many lines")
        line = self._again.popleft() if self._again else next(self._lines)
        if line is not None and not self.taken:
            line = without_marks(line)
        self.taken.append(line)
        return "\n" if line is None else line.decode(errors="surrogateescape")

    def texts(self) -> list[str]:
        """Return the lines of the record."""
        return ["\n" if line is None else line.decode(errors="surrogateescape") for line in self.taken]

    def begin(self) -> None:
        """Begin a record."""
        self.before += len(self.taken)
        self.taken.clear()

    def take_back(self) -> None:
        """Make the lines after the first of the record be read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _opening(lines: list[str], delimiter: str) -> int:
    """Return the index of the line in which the longest quoted field of a record begins."""
    text = "".join(lines)
    field = re.compile(rf'(?:^|{re.escape(delimiter)}|\n)"((?:[^"]++|"")*+)')
    longest = max(field.finditer(text), key=lambda found: found.group(1).count("\n"), default=None)
    return 0 if longest is None else text.count("\n", 0, longest.start(1))
