"""The first members of a tar: their extensions, the keys of their JSON, and which of them are media."""

from typing import Any

from ..sources.batches import BadRow
from ..sources.json_line import parse_line
from ..sources.streams import Broken, ByteStream
from ..sources.tar_members import tar_members
from .listing import IMAGES, SOUNDS

MEMBERS = 64  # members that are looked at
LARGEST = 1 << 20  # bytes of a .json member


def tar_members_of(url: str) -> tuple[dict[str, list[Any]], dict[str, list[str]]]:
    """Look at the first members of a tar.

    Returns:
        First values by column: for each extension of a member, and as `json.KEY` for the keys of .json members; and the
        extensions of media by modality.
    """
    columns: dict[str, list[Any]] = {}
    media: dict[str, list[str]] = {}
    with ByteStream(url) as stream:
        try:
            for count, member in enumerate(tar_members(stream, frozenset({"json"}), LARGEST)):
                kind = member.extension
                columns.setdefault(kind, [])
                modality = "image" if kind in IMAGES else "audio" if kind in SOUNDS else None
                if modality and kind not in media.setdefault(modality, []):
                    media[modality].append(kind)
                if kind == "json" and isinstance(member.content, bytes):
                    _add_keys(columns, member.content)
                if count > MEMBERS:
                    break
        except Broken:
            pass
    return columns, media


def _add_keys(columns: dict[str, list[Any]], data: bytes) -> None:
    try:
        values = parse_line(data, ())
    except BadRow:
        return
    for key, value in values.items():
        columns.setdefault(f"json.{key}", []).append(value)
