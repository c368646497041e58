"""Reduces images of 16 bits a channel to 8, and applies the transparent colour of a PNG at its own depth.

A PNG names one colour as transparent in the file's bit depth (tRNS). Pillow compares it with pixels that it has scaled
to 8 bits, or does not compare it at all, so that the colour is replaced by an alpha channel here.
"""

import io
from contextlib import suppress

import numpy as np
import numpy.typing as npt
from PIL import Image

DEPTH = 24  # offset of a PNG's bit depth
ORIENTATION = 0x0112  # EXIF tag
LOW_BYTES = "RGB;16L"  # Pillow's name; of the two bytes it takes the second


def in_eight_bits(image: Image.Image, data: bytes) -> Image.Image:
    """Return an image with 8 bits a channel.

    Args:
        image: A loaded image.
        data: Its file.
    """
    key = image.info.get("transparency")
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint32)
        scaled = Image.fromarray(((grey * 255 + 32767) // 65535).astype(np.uint8))
        return _like(image, _with_key(scaled, grey == key) if isinstance(key, int) else scaled)
    if image.format != "PNG" or key is None or len(data) <= DEPTH:
        return image
    if image.mode == "L" and isinstance(key, int) and data[DEPTH] < 8:
        return _like(image, _with_key(image, np.asarray(image) == key * 255 // ((1 << data[DEPTH]) - 1)))
    if image.mode == "RGB" and isinstance(key, tuple) and data[DEPTH] == 16:
        high, low = np.asarray(image).astype(np.uint16), _low_bytes(data)
        return _like(image, _with_key(image, ((high << 8 | low) == np.array(key, np.uint16)).all(axis=-1)))
    return image


def _with_key(image: Image.Image, clear: npt.NDArray[np.bool_]) -> Image.Image:
    """Replace the transparent colour by an alpha channel."""
    alpha = Image.fromarray(np.where(clear, 0, 255).astype(np.uint8))
    image = image.copy()
    image.info.pop("transparency", None)
    image.putalpha(alpha)
    return image


def _like(image: Image.Image, reduced: Image.Image) -> Image.Image:
    """Give a reduced image the profile and the orientation of its file."""
    reduced.info |= {name: value for name, value in image.info.items() if name not in ("transparency", "exif")}
    with suppress(Exception):  # a broken EXIF block does not make the pixels unusable
        reduced.getexif()[ORIENTATION] = image.getexif()[ORIENTATION]
    return reduced


def _low_bytes(data: bytes) -> npt.NDArray[np.uint8]:
    """The low byte of each channel, which Pillow leaves out when it reads a PNG of 16 bits."""
    image = Image.open(io.BytesIO(data), formats=("PNG",))
    image.tile = [tile._replace(args=LOW_BYTES) for tile in image.tile]
    image.load()
    return np.asarray(image)
