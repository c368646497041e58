"""Benchmark files as their authors publish them. A line or file that cannot be used is refused by name.

Lines end at a line feed alone: JSON allows other line separators (U+2028, U+0085) within strings.
"""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ....schemas.errors import Refusal
from .multiple_choice import Question

ADVICE = "Copy the file again from where its authors publish it."
Item = TypeVar("Item")


def arc(path: Path) -> list[Question]:
    """Read ARC's JSON lines."""

    def question(item: dict[str, Any]) -> Question:
        context = f"Question: {_text(item, 'question')}\nAnswer:"
        texts, labels = item["choices"]["text"], item["choices"]["label"]
        if len(texts) < 2 or len(texts) != len(labels) or not all(isinstance(text, str) and text for text in texts):
            raise ValueError("`choices` are not two or more texts with a label each")
        if item["answerKey"] not in labels:
            raise ValueError(f"`answerKey` {item['answerKey']!r} is none of {labels}")
        return Question(tuple((context, f" {text}") for text in texts), labels.index(item["answerKey"]))

    return _items(str(path), _bytes(path), question)


def blimp(path: Path) -> list[Question]:
    """Read BLiMP's archive, one paradigm after another; whole sentences are compared."""

    def question(item: dict[str, Any]) -> Question:
        return Question((("", _text(item, "sentence_good")), ("", _text(item, "sentence_bad"))), 0)

    try:
        with zipfile.ZipFile(path) as archive:
            # beside `data`, the archive holds a metadata folder of macOS
            names = sorted(name for name in archive.namelist() if name.startswith("data/") and name.endswith(".jsonl"))
            contents = {f"{path}, {name}": archive.read(name) for name in names}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Refusal(f"{path}: is not a whole zip archive ({error}). {ADVICE}") from None
    if not contents:
        raise Refusal(f"{path}: holds no data/….jsonl. {ADVICE}")
    return [item for where, content in contents.items() for item in _items(where, content, question)]


def lambada(path: Path) -> list[tuple[str, str]]:
    """Read passages without their last word, and that word with the space before it."""

    def passage(item: dict[str, Any]) -> tuple[str, str]:
        context, space, word = _text(item, "text").rpartition(" ")
        if not context.strip():
            raise ValueError("there is no word before the last")
        if not word.strip():
            raise ValueError("the text ends with a blank instead of a word")
        return context, space + word

    return _items(str(path), _bytes(path), passage)


def running_text(path: Path) -> str:
    """Read a text, byte for byte."""
    text = _decoded(str(path), _bytes(path))
    if not text.strip():
        raise Refusal(f"{path}: holds no text. {ADVICE}")
    return text


def _items(where: str, content: bytes, read: Callable[[dict[str, Any]], Item]) -> list[Item]:
    items = []
    for number, line in _lines(_decoded(where, content)):
        try:
            tree = json.loads(line)
            if not isinstance(tree, dict):
                raise ValueError("it is not a JSON object")
            items.append(read(tree))
        except KeyError as error:
            raise Refusal(f"{where}, line {number}: has no {error}. {ADVICE}") from None
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Refusal(f"{where}, line {number}: cannot be used, {error}. {ADVICE}") from None
    if not items:
        raise Refusal(f"{where}: is empty. {ADVICE}")
    return items


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def _text(item: dict[str, Any], key: str) -> str:
    value = item[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"`{key}` is not a text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"`{key}` holds half of a surrogate pair")
    return value


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror or error}). Check its permissions.") from None


def _decoded(where: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Refusal(f"{where}, line {line}: is not UTF-8 (byte {error.start + 1:,}). {ADVICE}") from None
