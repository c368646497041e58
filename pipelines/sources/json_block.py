"""Parses a block of JSON lines of which not all are good; equal lines are parsed once.

A small compressed file can hold a hundred million lines, but only if most of them are equal: a block takes the time of
its distinct lines, and no Python object for each line. What becomes of a line depends on nothing but the line.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .base import Drop, RawBatch
from .batches import BadRow, RawRow, table
from .json_line import parse_line, pick_columns, pick_license
from .text_blocks import without_marks
from .text_values import pick_text, used_keys

FEW_LINES = 64  # a block with fewer lines is parsed line by line
MOST_LINES = 1 << 18  # that are parsed at a time
BLANK, BAD = -1, -2

Ints = npt.NDArray[np.int64]
Fields = Mapping[str, tuple[str, ...]]


class JsonBlocks:
    """Parses blocks of one file; the drops of the whole file are bounded.

    Args:
        fields: Fields of the source, and their keys.
        longest: Maximum length of a line, in bytes.
        text_from: The key of the source.
        most: Drops that are listed for a reason; the others are counted.
    """

    def __init__(self, fields: Fields, longest: int, text_from: str | None, most: int) -> None:
        self._fields, self._longest, self._text_from = fields, longest, text_from
        self._used = used_keys(fields)
        self._most = most
        self._listed: Counter[str] = Counter()

    def too_long(self, line: int) -> RawBatch:
        """Return the drop of a line that is too long to be held."""
        return RawBatch(self._table([]), self._drops({0: self._too_large()}, np.array([0]), np.array([line])))

    def parse(self, block: bytes, first: int) -> Iterator[RawBatch]:
        """Parse a block of whole lines; `first` is the number of its first line."""
        ends = _line_ends(block)
        for start in range(0, len(ends), MOST_LINES):
            offsets = np.r_[ends[start - 1] if start else 0, ends[start : start + MOST_LINES]]
            yield self._parse(*_distinct(block, offsets), first + start)

    def _parse(self, lines: list[bytes], place_of: Ints, first: int) -> RawBatch:
        rows: list[RawRow] = []
        bad: dict[int, BadRow] = {}
        code = np.full(len(lines), BLANK, np.int64)
        for number, line in enumerate(lines):
            try:
                row = self._row(line.removesuffix(b"\n"))
            except BadRow as error:
                bad[number] = error
                code[number] = BAD
            else:
                if row is not None:
                    code[number] = len(rows)
                    rows.append(row)
        codes = code[place_of]
        good, failed = np.flatnonzero(codes >= 0), np.flatnonzero(codes == BAD)
        found = self._table(rows).take(pa.array(codes[good]))
        found = found.set_column(0, "row", pa.chunked_array([pa.array(good + first)]))
        return RawBatch(found, self._drops(bad, place_of[failed], failed + first))

    def _row(self, line: bytes) -> RawRow | None:
        """Parse a line; None if it is blank. Raises BadRow."""
        if len(line) > self._longest:
            raise self._too_large()
        if not without_marks(line).strip():
            return None
        values = parse_line(line, self._used)
        license_ = [pick_license(values, self._fields["license"])] if "license" in self._fields else []
        columns = pick_columns(values, self._fields)
        return RawRow(0, (pick_text(values, self._fields["text"], self._text_from), *license_, *columns))

    def _too_large(self) -> BadRow:
        return BadRow("row_too_large", f"over {self._longest} bytes")

    def _drops(self, bad: Mapping[int, BadRow], places: Ints, numbers: Ints) -> list[Drop]:
        """Return the drops of the lines `numbers`, each of which is the bad line at its place."""
        reasons = sorted({error.reason for error in bad.values()})
        reason_of = np.zeros(max(bad, default=-1) + 1, np.int64)
        for place, error in bad.items():
            reason_of[place] = reasons.index(error.reason)
        drops: list[Drop] = []
        for index, reason in enumerate(reasons):
            mine = np.flatnonzero(reason_of[places] == index)
            left = self._most - self._listed[reason]
            listed = mine[:left]
            pairs = zip(places[listed].tolist(), numbers[listed].tolist(), strict=True)
            drops += [bad[place].drop(number) for place, number in pairs]
            self._listed[reason] += len(listed)
            if len(mine) > left:
                drops.append(Drop(-1, reason, count=len(mine) - left))
        return sorted(drops, key=lambda drop: (drop.row < 0, drop.row))

    def _table(self, rows: list[RawRow]) -> pa.Table:
        return table(self._fields, rows, self._text_from is not None)


def _line_ends(block: bytes) -> Ints:
    """Return where each line of a block ends, after its newline if it has one."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
    return ends if len(ends) and ends[-1] == len(block) else np.r_[ends, len(block)]


def _distinct(block: bytes, offsets: Ints) -> tuple[list[bytes], Ints]:
    """Return the distinct lines between the offsets, and for each of the lines which one it is."""
    count = len(offsets) - 1
    if count < FEW_LINES:
        return [block[offsets[at] : offsets[at + 1]] for at in range(count)], np.arange(count)
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(block)]
    encoded = pa.Array.from_buffers(pa.binary(), count, buffers).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
