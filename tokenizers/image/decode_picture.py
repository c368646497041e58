"""Decodes image files to square pixel arrays; a file that cannot be used raises BadPicture with a named reason.

Colours are sRGB: an embedded ICC profile of other colours is applied. Transparency is composited on white, EXIF turns
the image. JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF are Pillow's own formats, HEIC, JPEG XL and SVG need packages.

PIL raises SyntaxError, struct.error, zlib.error and more on broken files. All of these become BadPicture, so that no
file can end a run.
"""

import io
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import numpy as np
from PIL import Image, ImageCms, ImageOps

from ...schemas.dataset.drop_detail import error_detail
from ..protocol import Pixels
from .bad_picture import BadPicture
from .colours import base_mode, srgb_transform
from .deep_pixels import in_eight_bits
from .optional_formats import Deferred, open_optional, unread_format
from .png_chunks import pixels_only

__all__ = ["BadPicture", "size_and_squeezed", "size_of", "square", "squeezed", "uncropped"]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
WHITE = (255, 255, 255, 255)
T = TypeVar("T")
Finish = Callable[[Image.Image], Image.Image]

# signature -> format and offset of width and height; PIL returns no size for a file with a size of 0x0
_SIZE_FIELDS = {b"\x89PNG": (">II", 16), b"GIF8": ("<HH", 6), b"BM": ("<ii", 18)}

# `max_pixels` is the limit; PIL's own hard limit remains as a second safeguard
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.|pillow_")  # of damage that costs no pixels, on standard error


def size_of(data: bytes) -> tuple[int, int]:
    """Read width and height from the header of a file, without decoding it; raises BadPicture."""
    return _of_pixels(data, lambda data, profile: _open(data).size)


def square(data: bytes, side: int, max_pixels: int) -> Pixels:
    """Decode an image, resize its short side to `side` (antialiased) and crop the centre.

    16-bit grey is scaled to 8 bits.

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
    return _decoded(data, "YCbCr", side, max_pixels, _squeeze(side))


def size_and_squeezed(data: bytes, side: int, max_pixels: int) -> tuple[tuple[int, int], Pixels | None]:
    """The results of `size_of` and `squeezed` of a file that is opened once.

    Returns:
        Width and height, and the pixels; None where `squeezed` raises BadPicture.

    Raises:
        BadPicture: The header cannot be read.
    """
    try:
        image = _open(data)
    except BadPicture:
        size = size_of(data)  # of a PNG without the chunks that say nothing about its pixels
    else:
        size = image.size
        with suppress(BadPicture):
            return size, _finished(image, data, None, "YCbCr", side, max_pixels, _squeeze(side))
    try:
        return size, squeezed(data, side, max_pixels)
    except BadPicture:
        return size, None


def uncropped(data: bytes, side: int, max_pixels: int) -> Pixels:
    """Decode an image for a model with its own preprocessing and an input of at most `side` x `side` pixels.

    Arguments and errors are those of `square`.

    Returns:
        (height, width, 3) uint8 RGB; a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size.
    """
    return _decoded(data, None, side, max_pixels, _rgb)


def _squeeze(side: int) -> Finish:
    def squeeze(image: Image.Image) -> Image.Image:
        is_ready = image.mode == "YCbCr" and srgb_transform(image) is None
        ycc = image if is_ready else _rgb(image).convert("YCbCr")
        return ycc.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)

    return squeeze


def _decoded(data: bytes, mode: str | None, side: int, max_pixels: int, finish: Finish) -> Pixels:
    def decode(data: bytes, profile: bytes | None) -> Pixels:
        return _finished(_open(data), data, profile, mode, side, max_pixels, finish)

    return _of_pixels(data, decode)


def _finished(
    image: Image.Image | Deferred,
    data: bytes,
    profile: bytes | None,
    mode: str | None,
    side: int,
    max_pixels: int,
    finish: Finish,
) -> Pixels:
    width, height = image.size
    if width * height > max_pixels:
        raise BadPicture("image_too_large", f"{width}x{height} is more than {max_pixels} pixels")
    try:
        if isinstance(image, Deferred):
            image = image.rendered(2 * side)
        # Decodes a JPEG at 1/2, 1/4 or 1/8 size if twice the side remains; this is exact integer arithmetic. With less
        # than that, it is visible: docs/benchmarks.md has the figures.
        image.draft(mode, (2 * side, 2 * side))
        image.load()
        if profile:
            image.info["icc_profile"] = profile
        return np.array(finish(_upright(in_eight_bits(image, data))), np.uint8)
    except (MemoryError, BadPicture):
        raise
    except Exception as error:
        raise BadPicture("image_undecodable", _message(error)) from None


def _of_pixels(data: bytes, read: Callable[[bytes, bytes | None], T]) -> T:
    """Read a file; a PNG that fails is read once more without the chunks that say nothing about its pixels."""
    try:
        return read(data, None)
    except BadPicture as problem:
        bare = pixels_only(data) if problem.reason == "image_undecodable" else None
        if bare is None:
            raise
        try:
            return read(*bare)
        except BadPicture:
            raise problem from None


def _open(data: bytes) -> Image.Image | Deferred:
    if not data:
        raise BadPicture("image_empty", "the file has no bytes")
    try:
        return open_optional(data) or Image.open(io.BytesIO(data), formats=FORMATS)
    except BadPicture:
        raise
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
        name = unread_format(data)
        if name is not None:
            raise BadPicture("image_undecodable", f"{name}, which is not read") from None
        raise BadPicture("image_undecodable", _message(error)) from None


def _upright(image: Image.Image) -> Image.Image:
    with suppress(Exception):  # a broken EXIF block does not make the pixels unusable
        ImageOps.exif_transpose(image, in_place=True)  # a copy would take as long as decoding
    return image


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F"):
        raise BadPicture("image_undecodable", f"mode {image.mode} has no agreed range of values")
    transform = srgb_transform(image)
    rgba = image.convert("RGBA") if image.has_transparency_data else None
    if transform is not None:
        converted = ImageCms.applyTransform(image.convert(base_mode(image)), transform)
        assert converted is not None
        if rgba is not None:
            converted.putalpha(rgba.getchannel("A"))
            rgba = converted
        image = converted
    if rgba is not None:
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, WHITE), rgba)
    return image.convert("RGB")


def _message(error: BaseException) -> str:
    text = " ".join(error_detail(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
