"""Decodes image files to square pixel arrays; a file that cannot be used raises BadPicture with a named reason.

PIL raises SyntaxError, struct.error, zlib.error and more on broken files. All of these become BadPicture, so that no
file can end a run.
"""

import io
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from PIL import Image, ImageOps

from ...schemas.dataset.drop_detail import error_detail
from ..protocol import Pixels

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
WHITE = (255, 255, 255, 255)

# signature -> format and offset of width and height; PIL returns no size for a file with a size of 0x0
_SIZE_FIELDS = {b"\x89PNG": (">II", 16), b"GIF8": ("<HH", 6), b"BM": ("<ii", 18)}

# `max_pixels` is the limit; PIL's own hard limit remains as a second safeguard
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class BadPicture(ValueError):
    """A file without a usable image; `reason` is image_undecodable, image_empty or image_too_large."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def size_of(data: bytes) -> tuple[int, int]:
    """Read width and height from the header of a file, without decoding it; raises BadPicture."""
    return _open(data).size


def square(data: bytes, side: int, max_pixels: int) -> Pixels:
    """Decode an image, resize its short side to `side` (antialiased) and crop the centre.

    The image is rotated as EXIF demands, transparency is composited on white, 16-bit grey is scaled to 8 bits.

    Args:
        data: Bytes of the image file.
        side: Side of the square, in pixels.
        max_pixels: Maximum width times height of the file; a larger image is refused before it is decoded.

    Returns:
        (side, side, 3) uint8 RGB.

    Raises:
        BadPicture: The file has no usable image or is too large.
    """

    def cut(image: Image.Image) -> Image.Image:
        return ImageOps.fit(_rgb(image), (side, side), Image.Resampling.LANCZOS)

    return _decoded(data, None, side, max_pixels, cut)


def squeezed(data: bytes, side: int, max_pixels: int) -> Pixels:
    """Decode an image and scale it to a square without keeping its aspect ratio.

    Arguments and errors are those of `square`.

    Returns:
        (side, side, 3) uint8 YCbCr (luminance and two colour differences, as in JPEG).
    """

    def squeeze(image: Image.Image) -> Image.Image:
        ycc = image if image.mode == "YCbCr" else _rgb(image).convert("YCbCr")
        return ycc.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)

    return _decoded(data, "YCbCr", side, max_pixels, squeeze)


def uncropped(data: bytes, side: int, max_pixels: int) -> Pixels:
    """Decode an image for a model with its own preprocessing and an input of at most `side` x `side` pixels.

    Arguments and errors are those of `square`.

    Returns:
        (height, width, 3) uint8 RGB; a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size.
    """
    return _decoded(data, None, side, max_pixels, _rgb)


def _decoded(
    data: bytes, mode: str | None, side: int, max_pixels: int, finish: Callable[[Image.Image], Image.Image]
) -> Pixels:
    image = _open(data)
    width, height = image.size
    if width * height > max_pixels:
        raise BadPicture("image_too_large", f"{width}x{height} is more than {max_pixels} pixels")
    try:
        # decodes a JPEG at 1/2, 1/4 or 1/8 size if twice the side remains; this is exact integer arithmetic
        image.draft(mode, (2 * side, 2 * side))
        image.load()
        return np.array(finish(_upright(image)), np.uint8)
    except (MemoryError, BadPicture):
        raise
    except Exception as error:
        raise BadPicture("image_undecodable", _message(error)) from None


def _open(data: bytes) -> Image.Image:
    if not data:
        raise BadPicture("image_empty", "the file has no bytes")
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture("image_too_large", _message(error)) from None
    except MemoryError:
        raise
    except Exception as error:
        for signature, (layout, offset) in _SIZE_FIELDS.items():
            if data.startswith(signature) and len(data) >= offset + struct.calcsize(layout):
                width, height = struct.unpack_from(layout, data, offset)
                if not width or not height:
                    raise BadPicture("image_empty", f"{width}x{height}") from None
        raise BadPicture("image_undecodable", _message(error)) from None


def _upright(image: Image.Image) -> Image.Image:
    with suppress(Exception):  # a broken EXIF block does not make the pixels unusable
        ImageOps.exif_transpose(image, in_place=True)  # a copy would take as long as decoding
    return image


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((grey * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BadPicture("image_undecodable", f"mode {image.mode} has no agreed range of values")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, WHITE), rgba)
    return image.convert("RGB")


def _message(error: BaseException) -> str:
    text = " ".join(error_detail(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
