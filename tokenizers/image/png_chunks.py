"""Removes from a PNG what says nothing about its pixels but keeps Pillow from opening it.

Pillow limits what a text or a profile inflates to, and takes a damaged chunk of any kind for a damaged image
(https://www.w3.org/TR/png-3/#11Chunks lists the kinds).
"""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
ORIENTATION = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")  # texts that may turn the image
MOST_TEXT = 1 << 20  # bytes inflated; Pillow's limit
MOST_PROFILE = 1 << 24


def pixels_only(data: bytes) -> tuple[bytes, bytes | None] | None:
    """Rewrite a PNG with its pixels and its orientation alone.

    Returns:
        The file, and its ICC profile if it has one; None if `data` is no PNG.
    """
    if not data.startswith(SIGNATURE):
        return None
    kept, profile = [SIGNATURE], None
    for kind, start, end in _chunks(data):
        body = data[start + 8 : end - 4]
        whole = struct.pack(">I", zlib.crc32(data[start + 4 : end - 4])) == data[end - 4 : end]
        if kind == b"iCCP" and whole:
            profile = _inflated(body.partition(b"\0")[2][1:], MOST_PROFILE)
        elif kind in PIXELS or (whole and _turns(kind, body)):
            kept.append(data[start:end])
    return b"".join(kept), profile


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at, at + 12 + size
        at += 12 + size


def _turns(kind: bytes, body: bytes) -> bool:
    if kind == b"eXIf":
        return True
    if kind not in (b"tEXt", b"zTXt", b"iTXt") or not body.startswith(ORIENTATION):
        return False
    text = body.partition(b"\0")[2]
    if kind == b"zTXt":
        return _inflated(text[1:], MOST_TEXT) is not None
    return len(text) < MOST_TEXT and (kind == b"tEXt" or text[:1] == b"\0")  # an iTXt that is not compressed


def _inflated(data: bytes, most: int) -> bytes | None:
    """Inflate up to a limit; None where there is more, or where it is damaged."""
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(data, most)
    except zlib.error:
        return None
    return content if inflate.eof else None
