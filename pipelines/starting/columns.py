"""Chooses the columns of a table that hold texts, media and licences, by their first values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TEXT_NAMES = (
    *("text", "caption", "captions", "content", "transcript", "transcription", "sentence", "sentences", "body"),
    *("normalized_text", "raw_content", "document", "article", "markdown", "code", "story", "texts", "title"),
    *("description", "prompt", "conversations", "messages"),
)
LICENSE_NAMES = ("license", "licence", "license_type", "licenses")
SHORTEST = 3  # characters of texts in a column without a usual name, on average
PIECES = ("raw", "text", "caption", "sentence", "value", "content")  # texts within the items of a list
ANSWERS = {"from": ("value", ("gpt", "assistant", "model")), "role": ("content", ("assistant", "model"))}
NO_TEXT = re.compile(r"^(https?://\S*|[0-9a-f-]{16,}|<urn:\S*|\S+\.\w{2,4}|[\d\s.:,TZ+-]+)$", re.IGNORECASE)
MAGIC = {
    "image": (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\xff\x0a", b"\0\0\0\x0cJXL "),
    "audio": (b"fLaC", b"OggS", b"ID3", b"FORM", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"#!AMR"),
}
BRANDS = {b"avif": "image", b"heic": "image", b"mif1": "image", b"M4A ": "audio", b"mp42": "audio", b"isom": "audio"}


@dataclass(frozen=True)
class TextColumn:
    """A column of texts, as a source names it, and why it was chosen."""

    name: str
    many: bool  # True when a row has several texts
    ground: str
    length: float  # mean number of characters


def text_column(columns: Mapping[str, Sequence[Any]], without: Sequence[str] = ()) -> TextColumn | None:
    """Choose the column of the text: one with a usual name, or else the one with the longest texts; None if none fits.

    Args:
        columns: First values by column.
        without: Columns that hold something else.
    """
    fits = [found for name in columns if name not in without and (found := _texts(name, columns[name]))]
    known = {name: place for place, name in enumerate(TEXT_NAMES)}
    named = [found for found in fits if _plain(found.name) in known]
    if named:
        return min(named, key=lambda found: known[_plain(found.name)])
    return max((found for found in fits if found.length >= SHORTEST), key=lambda found: found.length, default=None)


def _plain(name: str) -> str:
    return name.partition("[")[0].lower()


def _texts(name: str, values: Sequence[Any]) -> TextColumn | None:
    given = [value for value in values if value is not None]
    if not given:
        return None
    first = given[0]
    if isinstance(first, list):
        return _text_list(name, next((value for value in given if isinstance(value, list) and value), []))
    if isinstance(first, str):
        texts = [value for value in given if isinstance(value, str) and value.strip()]
        if not texts or sum(bool(NO_TEXT.match(text.strip())) for text in texts) > len(texts) / 2:
            return None
        return TextColumn(name, False, f"column `{name}` holds strings", sum(map(len, texts)) / len(texts))
    return None


def _text_list(name: str, values: list[Any]) -> TextColumn | None:
    items = [value for value in values if value is not None]
    if items and all(isinstance(value, str) for value in items):
        length = sum(map(len, items)) / len(items)
        return TextColumn(name, True, f"column `{name}` holds lists of strings", length)
    if items and all(isinstance(value, dict) for value in items):
        return _pieces(name, items)
    return None


def _pieces(name: str, items: list[dict[str, Any]]) -> TextColumn | None:
    """Find the texts in a list of objects: the answers of a conversation, or a field of every object."""
    for key, (field, speakers) in ANSWERS.items():
        found = next((item for item in items if item.get(key) in speakers and isinstance(item.get(field), str)), None)
        if found:
            column = f"{name}[{key}={found[key]}].{field}"
            return TextColumn(column, False, f"column `{name}` holds conversations", len(found[field]))
    for field in PIECES:
        if isinstance(items[0].get(field), str):
            return TextColumn(f"{name}[].{field}", True, f"column `{name}` holds objects", len(items[0][field]))
    return None


def media_columns(columns: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """Find the columns that hold the bytes of images and clips, also within structs; modality -> column."""
    found: dict[str, str] = {}
    for name, values in columns.items():
        value = next((value for value in values if value), None)
        data = value.get("bytes") if isinstance(value, dict) else value
        modality = media_of(data) if isinstance(data, bytes) else None
        if modality:
            found.setdefault(modality, name)
    return found


def media_of(data: bytes) -> str | None:
    """Tell an image from a clip by the first bytes of a file; None for anything else."""
    if data[:4] == b"RIFF":
        return {b"WEBP": "image", b"WAVE": "audio"}.get(data[8:12])
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:12])
    return next((modality for modality, starts in MAGIC.items() if data.startswith(starts)), None)


def license_column(columns: Mapping[str, Sequence[Any]]) -> str | None:
    """Return the column of the licence, by its name."""
    return next((name for name in columns if name.lower() in LICENSE_NAMES), None)
