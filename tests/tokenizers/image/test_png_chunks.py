"""Chunks that say nothing about the pixels of a PNG do not cost it; transparent colours hold at every depth."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from triptych.tokenizers.image.decode_picture import BadPicture, size_of, square

LARGE = zlib.compress(bytes(3 << 20))
COLOUR = (200, 100, 50)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rows: bytes, depth: int = 8, kind: int = 2, before: bytes = b"", after: bytes = b"") -> bytes:
    """A PNG of 8x8 pixels."""
    head = struct.pack(">IIBBBBB", 8, 8, depth, kind, 0, 0, 0)
    lines = b"".join(b"\0" + rows for _ in range(8))
    parts = [chunk(b"IHDR", head), before, chunk(b"IDAT", zlib.compress(lines)), after, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"zTXt", b"k\0\0" + LARGE),
        chunk(b"zTXt", b"k\0\7" + LARGE),
        chunk(b"iTXt", b"k\0\1\0\0\0" + LARGE),
        chunk(b"iCCP", b"k\0\0" + LARGE),
        chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(40 << 20))),
        chunk(b"tEXt", b"k\0word")[:-1] + b"?",
        chunk(b"pHYs", b"ab"),
        b"".join(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 20))) for _ in range(70)),
    ],
)
def test_chunks_beside_the_pixels(text: bytes) -> None:
    for data in (png(bytes(COLOUR) * 8, before=text), png(bytes(COLOUR) * 8, after=text)):
        assert size_of(data) == (8, 8)
        assert (square(data, 8, 100) == COLOUR).all()


def test_a_large_profile_is_applied_and_a_large_text_leaves_the_orientation() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, blue = (profile.find(name, 128) for name in (b"rXYZ", b"bXYZ"))
    swapped = bytearray(profile)
    swapped[red + 4 : red + 8], swapped[blue + 4 : blue + 8] = profile[blue + 4 : blue + 8], profile[red + 4 : red + 8]
    large = chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(swapped) + bytes(2 << 20)))
    pixel = square(png(bytes(COLOUR) * 8, before=large), 8, 100)[0, 0].astype(int)
    assert np.abs(pixel - COLOUR[::-1]).max() <= 2
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = chunk(b"zTXt", b"k\0\0" + LARGE) + chunk(b"eXIf", exif.tobytes()[6:])
    pixels = square(png(bytes(COLOUR) * 4 + bytes(12), before=turned), 8, 100)
    assert (pixels[:4] == COLOUR).all()
    assert not pixels[4:].any()


def test_pixels_that_are_damaged_still_cost_the_picture() -> None:
    data = png(bytes(COLOUR) * 8, before=chunk(b"zTXt", b"k\0\0" + LARGE))
    for broken in (data[:-40], data.replace(b"IDAT", b"IDAX")):
        with pytest.raises(BadPicture, match="image_undecodable"):
            square(broken, 8, 100)


@pytest.mark.parametrize(
    ("rows", "depth", "kind", "key", "left", "right"),
    [
        (struct.pack(">8H", *[30000] * 4, *[30001] * 4), 16, 0, (30000,), 255, 117),
        (struct.pack(">24H", *[30000, 1, 2] * 4, *[30001, 1, 2] * 4), 16, 2, (30000, 1, 2), 255, (117, 0, 0)),
        (bytes([0b01010101, 0b10101010]), 2, 0, (1,), 255, 170),
        (bytes([0x55, 0x55, 0xAA, 0xAA]), 4, 0, (5,), 255, 170),
        (bytes([0x0F]), 1, 0, (0,), 255, 255),
        (bytes([77] * 4 + [78] * 4), 8, 0, (77,), 255, 78),
        (bytes([*[77, 1, 2] * 4, *[78, 1, 2] * 4]), 8, 2, (77, 1, 2), 255, (78, 1, 2)),
    ],
)
def test_the_transparent_colour_of_a_png(
    rows: bytes, depth: int, kind: int, key: tuple[int, ...], left: int, right: object
) -> None:
    pixels = square(png(rows, depth, kind, chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))), 8, 100)
    assert (pixels[:, :4] == left).all()
    assert (pixels[:, 4:] == right).all()


def test_a_turned_picture_of_16_bits() -> None:
    ramp = np.repeat(np.array([[0], [65535]], np.uint16), 8, axis=1).repeat(4, axis=0)
    exif = Image.Exif()
    exif[0x0112] = 3
    for kind in ("PNG", "TIFF"):
        stream = io.BytesIO()
        Image.fromarray(ramp).save(stream, kind, exif=exif)
        pixels = square(stream.getvalue(), 8, 100)
        assert (pixels[:4] == 255).all()
        assert not pixels[4:].any()
