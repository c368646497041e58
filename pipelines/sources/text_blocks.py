"""Blocks of a text file as UTF-8 with lines that end in a newline, whatever encoding its byte order mark names."""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Literal

from .streams import Broken

Syntax = Literal["json", "csv", "none"]  # what may enclose a line end: strings of JSON, quotes of CSV, nothing

BOM: Final = codecs.BOM_UTF8
MARKS: Final = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
QUOTED: Final = re.compile(rb'"[^"]*"')


def without_marks(line: bytes) -> bytes:
    """Return a line without byte order marks at its start, which files that were joined have in the middle."""
    while line.startswith(BOM):
        line = line.removeprefix(BOM)
    return line


def as_utf8(data: bytes) -> bytes:
    """Return a whole text in UTF-8 without byte order marks at its start; one with a mark may be UTF-16 or UTF-32.

    Raises:
        UnicodeDecodeError: A text with the mark of UTF-16 or UTF-32 is not valid; UTF-8 is not checked.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            data = data[len(mark) :].decode(encoding).encode()
            break
    return without_marks(data)


def text_blocks(blocks: Iterable[bytes], syntax: Syntax) -> Iterator[bytes]:
    """Yield the text of a file in UTF-8, without its byte order mark.

    UTF-16 and UTF-32 with a byte order mark are converted. Lines that end in a carriage return alone, as old Macs wrote
    them, get a newline instead.

    Args:
        blocks: Blocks of the file.
        syntax: Syntax of its lines.

    Raises:
        Broken: UTF-16 or UTF-32 is invalid from here on, or ends within a character; what is before is yielded.
    """
    rest = iter(blocks)
    first = next(rest, b"")
    for mark, encoding in MARKS:
        if first.startswith(mark):
            rest = _converted(chain([first.removeprefix(mark)], rest), encoding)
            first = next(rest, b"")
            break
    first = first.removeprefix(BOM)
    if _ends_lines_with_return(first, syntax):
        yield first.replace(b"\r", b"\n")
        yield from (block.replace(b"\r", b"\n") for block in rest)
    else:
        yield first
        yield from rest


def _converted(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    # a lone surrogate becomes bytes that are not UTF-8, so that its row is dropped as such
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block, final in chain(((block, False) for block in blocks), [(b"", True)]):
        try:
            yield decoder.decode(block, final).encode(errors="surrogatepass")
        except UnicodeDecodeError as error:
            yield error.object[: error.start].decode(encoding, "surrogatepass").encode(errors="surrogatepass")
            why = "ends within a character" if final else f"is invalid ({error.reason})"
            raise Broken(f"{encoding} {why}") from None


def _ends_lines_with_return(block: bytes, syntax: Syntax) -> bool:
    if b"\r" not in block:
        return False
    if syntax == "json":  # there a return is also white space, but `}` return `{` occurs in no value
        return b"\n" not in block and b"}\r{" in block
    plain = QUOTED.sub(b"", block) if syntax == "csv" else block
    return b"\r" in plain and b"\n" not in plain
