"""Reads JPEG XL by pillow-jxl-plugin, which decodes a file when it opens it; so the size is read from the header."""

import io
import struct

from PIL import Image

from .bad_picture import BadPicture

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
BITS = (9, 13, 18, 30)


class JpegXl:
    """A JPEG XL file that has not been decoded; `size` is its width and height in pixels."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = _size(_codestream(data))

    def rendered(self, side: int) -> Image.Image:
        """Decode the image."""
        import pillow_jxl
        from pillow_jxl import JpegXLImagePlugin

        assert pillow_jxl  # registers the plugin
        JpegXLImagePlugin.DECODE_THREADS = 0
        image = Image.open(io.BytesIO(self._data), formats=("JXL",))
        if not image.jpeg:  # type: ignore[attr-defined]
            image.info.pop("exif", None)  # libjxl has turned the image already
        image.load()
        return image


def _codestream(data: bytes) -> bytes:
    """The first bytes of the codestream, which a container has in a box (ISO/IEC 18181-2)."""
    at = 0
    while data.startswith(CONTAINER) and at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1 and at + 16 <= len(data):
            size, start = struct.unpack_from(">Q", data, start)[0], at + 16
        if kind in (b"jxlc", b"jxlp"):
            start += 4 if kind == b"jxlp" else 0
            return data[start : start + 16]
        if size < 8:
            break
        at += size
    return data[:16]


def _size(head: bytes) -> tuple[int, int]:
    """Width and height by the size header of a codestream (ISO/IEC 18181-1, D.2)."""
    if not head.startswith(CODESTREAM) or len(head) < 12:
        raise BadPicture("image_undecodable", "JPEG XL without a codestream")
    bits = int.from_bytes(head[2:], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def length() -> int:
        return (take(5) + 1) * 8 if small else take(BITS[take(2)]) + 1

    height = length()
    ratio = take(3)
    if not ratio:
        return length(), height
    numerator, denominator = RATIOS[ratio - 1]
    return height * numerator // denominator, height
