"""Files of kind jsonl that are one JSON document, or objects over several lines, told by their beginning.

Such a file would lose every line that is no object of its own, or all of them.
"""

import json
import posixpath
import re
from collections.abc import Sequence
from typing import Final

from ...schemas.config.sources import JsonlSource
from ...schemas.errors import Refusal
from .base import Unit
from .content_type import CHECKED
from .streams import Broken, ByteStream
from .text_blocks import text_blocks

HEAD: Final = 1 << 16
SEVERAL_LINES: Final = "JSON whose first object takes several lines"
SPACES: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()


def refuse_documents(source: JsonlSource, units: Sequence[Unit]) -> None:
    """Look at the beginnings of a source's files: of all local ones, and of as many as CHECKED of others.

    Raises:
        Refusal: A file is a JSON list, or its first object takes several lines.
    """
    remote = 0
    for unit in units:
        remote += not unit.path.startswith("file://")
        if remote > CHECKED:
            return
        what = document_of(*_beginning(unit.path))
        if what:
            name = posixpath.basename(unit.label) or unit.label
            raise Refusal(
                f"`sources.{source.name}.kind` is jsonl, one JSON object a line: {unit.label} is {what}. Read a list "
                f"of records with `kind: folder`, the file's folder as `path` and `table: {name}`, and `records: KEY` "
                "if the list is under a key of an object; or write an object a line, for example with `jq -c '.[]'` "
                "for a list and `jq -c .` for objects."
            )


def _beginning(url: str) -> tuple[str, bool]:
    with ByteStream(url) as stream:
        try:
            head = stream.read(HEAD)
            return next(text_blocks(iter([head]), "json"), b"").decode(errors="replace"), len(head) == HEAD
        except Broken:
            return "", False


def document_of(text: str, cut: bool) -> str:
    """Tell what a file is that does not begin with a line of JSON; empty for JSON lines, and for what is not JSON.

    Args:
        text: The beginning of the file.
        cut: Whether the file goes on.
    """
    text = text.lstrip()
    line, newline, rest = text.partition("\n")
    if text[:1] not in ("[", "{") or (newline and not rest.strip() and not _is_json(line)):
        return ""
    if _is_json(line):
        return "one JSON list" if text[0] == "[" and not rest.strip() else ""
    if text[0] == "[":
        return "one JSON list" if _goes_on_as_list(text, len(line), cut) else ""
    end = _end_of_value(text, 0)
    return SEVERAL_LINES if newline and end and end > len(line) else ""


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _goes_on_as_list(text: str, line: int, cut: bool) -> bool:
    """True if the list that begins with a text is sound until it ends, or until an item beyond the first `line`."""
    at = 1
    while True:
        at = SPACES.match(text, at).end()  # type: ignore[union-attr]
        end = _end_of_value(text, at)
        if end is None:
            return False
        at = SPACES.match(text, end).end()  # type: ignore[union-attr]
        if at >= len(text):
            return end > line or cut
        if text[at] == "]" or (text[at] == "," and end > line):
            return True
        if text[at] != ",":
            return False
        at += 1


def _end_of_value(text: str, start: int) -> int | None:
    """Return where a JSON value ends, or the end of the text where it goes on beyond; None if it is invalid."""
    try:
        return _DECODER.raw_decode(text, start)[1]
    except json.JSONDecodeError as error:
        return len(text) if error.pos >= len(text) or error.msg.startswith("Unterminated string") else None
    except (ValueError, RecursionError):
        return None
