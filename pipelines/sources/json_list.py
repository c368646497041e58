"""Finds the items of a list in a JSON file, without parsing the file or holding more of it than one item.

Only strings, brackets and separators are looked at. So an item that is wrong or too large does not cost its neighbours,
and the list may be far into a file of any size.
"""

import json
import re
from collections.abc import Iterator

from .streams import Broken

KEY_BYTES = 1 << 16  # keys up to this size are told apart, whatever the limit of an item is
MOST_KEYS = 50  # of lists that are named when the wanted one is missing
# a lone quote is the start of a string whose end is not read yet
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},:]', re.DOTALL)
# an object without lists and objects in it, which most items are: one match instead of one for each token
_FLAT = re.compile(rb'\s*+\{[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+\}', re.DOTALL)
_BACKSLASHES = re.compile(rb"\\*$")


class NoList(Exception):
    """The file does not have the list at the wanted place; `found` are the keys of its lists, in order."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(found)
        self.found = found


def list_items(blocks: Iterator[bytes], key: str | None, longest: int) -> Iterator[bytes | None]:
    """Yield the items of a list as they stand in the file.

    Args:
        blocks: The file as UTF-8.
        key: Key of the list in the file's object; None if the file is the list.
        longest: Maximum size of an item, in bytes.

    Yields:
        The bytes of an item, not necessarily valid JSON; None for an item that is too large.

    Raises:
        NoList: The file is no list, or its object has no list under `key`.
        Broken: The file ends within the list, or more follows it.
    """
    scanner = _Scanner(blocks, longest)
    if key is None:
        if scanner.next() != b"[":
            raise NoList([])
    else:
        _enter(scanner, key)
    yield from _items(scanner)
    if key is None and scanner.rest_is_filled():
        raise Broken("more data after the end of the list")


def list_keys(blocks: Iterator[bytes], longest: int) -> list[str]:
    """Return the keys of the lists of a file that is one object; none if it is not.

    Raises:
        Broken: The file ends before its object.
    """
    scanner = _Scanner(blocks, longest)
    try:
        _enter(scanner, None)
    except NoList as error:
        return [] if scanner.rest_is_filled() else error.found
    raise AssertionError("no list is entered without a key")


def _enter(scanner: "_Scanner", key: str | None) -> None:
    """Go to the first item of the list under `key`."""
    if scanner.next() != b"{":
        raise NoList([])
    found: list[str] = []
    name = b""
    depth = 1
    while depth:
        token = scanner.next()
        if token in (b"[", b"{"):
            if depth == 1 and token == b"[":
                this = _string(name)
                if this == key:
                    return
                if len(found) < MOST_KEYS:
                    found.append(this)
            depth += 1
        elif token in (b"]", b"}"):
            depth -= 1
        elif depth == 1 and token.startswith(b'"') and len(token) > 1:
            name = token
    raise NoList(found)


def _string(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:  # a string that was too long to be held, or one that is not valid UTF-8
        return ""


def _items(scanner: "_Scanner") -> Iterator[bytes | None]:
    depth = number = 0
    scanner.hold()
    while True:
        token = scanner.next()
        if depth == 0 and token in (b",", b"]", b"}"):
            item = scanner.held()
            if token == b"," or number or item is None or item:
                yield item
            if token == b"]":
                return
            if token == b"}":
                raise Broken("a list is closed by }")
            number += 1
            scanner.hold()
            scanner.skip_flat()
        elif token in (b"[", b"{"):
            depth += 1
        elif token in (b"]", b"}"):
            depth -= 1


class _Scanner:
    """The tokens of a file, and what stands between two of them."""

    def __init__(self, blocks: Iterator[bytes], longest: int) -> None:
        self._blocks = blocks
        self._longest = longest
        self._buffer = b""
        self._at = 0  # where the next token is searched
        self._start: int | None = None  # where the held part starts; None while nothing is held, or too much
        self._end = 0  # where the last token starts
        self._too_large = False

    def next(self) -> bytes:
        """Return the next token; raises Broken at the end of the file."""
        while True:
            found = _TOKEN.search(self._buffer, self._at)
            if found is not None and found[0] != b'"':
                self._end, self._at = found.span()
                return found[0]
            self._at = found.start() if found else len(self._buffer)
            if found is not None and len(self._buffer) - self._at > max(self._longest, KEY_BYTES):
                self._shorten_string()
            self._read()

    def skip_flat(self) -> None:
        """Skip an object without lists and objects in it, if one follows as a whole in what is read already."""
        found = _FLAT.match(self._buffer, self._at)
        if found:
            self._at = found.end()

    def hold(self) -> None:
        """Keep what follows the last token."""
        self._start, self._too_large = self._at, False

    def held(self) -> bytes | None:
        """Return what stood between `hold` and the last token, without white space around it; None if too large."""
        if self._too_large or self._start is None or self._end - self._start > self._longest:
            return None
        return self._buffer[self._start : self._end].strip()

    def rest_is_filled(self) -> bool:
        """True if anything but white space follows."""
        return bool(self._buffer[self._at :].strip()) or any(block.strip() for block in self._blocks)

    def _read(self) -> None:
        if self._start is not None and self._at - self._start > self._longest:
            self._drop_held()
        keep = self._at if self._start is None else self._start
        block = next(self._blocks, b"")
        if not block:
            raise Broken("the file ends within a list or an object")
        self._buffer = self._buffer[keep:] + block
        self._at -= keep
        self._start = None if self._start is None else 0

    def _shorten_string(self) -> None:
        """Forget the string that has begun, except for a backslash at its end, which may hide its closing quote."""
        self._drop_held()
        backslashes = _BACKSLASHES.search(self._buffer)
        odd = backslashes is not None and len(backslashes[0]) % 2
        self._buffer, self._at = b'"\\' if odd else b'"', 0

    def _drop_held(self) -> None:
        self._start, self._too_large = None, True
