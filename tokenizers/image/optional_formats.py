"""Image formats beside Pillow's own: HEIC, JPEG XL and SVG, each by a package of the extra `image-formats`."""

import io
from importlib.util import find_spec

from PIL import Image, features

from .bad_picture import BadPicture
from .jpeg_xl import CODESTREAM, CONTAINER, JpegXl
from .vector import Vector, is_svg

PACKAGES = {"HEIC": "pillow_heif", "JPEG XL": "pillow_jxl", "SVG": "resvg_py"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}

UNREAD = {  # first bytes of what is often named .jpg or .png but is not read
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\x01\0": "ICO",
    b"8BPS": "PSD",
    b"P5": "PGM",
    b"P6": "PPM",
    b"%!PS": "EPS",
    b"%PDF-": "PDF",
    b"\x1f\x8b": "gzip",
    b"<!DOCTYPE html": "HTML",
    b"<html": "HTML",
}

Deferred = JpegXl | Vector


def installed() -> list[str]:
    """Names of the formats whose packages are installed."""
    return [name for name, package in PACKAGES.items() if find_spec(package)]


def format_name(data: bytes) -> str | None:
    """Name of the format of a file, if it is one of `PACKAGES` or AVIF."""
    if data[4:8] == b"ftyp":
        end = int.from_bytes(data[:4], "big")
        brands = {data[at : at + 4] for at in range(8, min(end, 256), 4)}
        return "AVIF" if brands & AVIF_BRANDS else "HEIC" if brands & HEIC_BRANDS else None
    if data.startswith((CODESTREAM, CONTAINER)):
        return "JPEG XL"
    return "SVG" if is_svg(data) else None


def unread_format(data: bytes) -> str | None:
    """Name of a format that is recognised but not read; None if it is not known."""
    head = data[:32].lstrip()
    return next((name for start, name in UNREAD.items() if head.lower().startswith(start.lower())), None)


def open_optional(data: bytes) -> Deferred | Image.Image | None:
    """Open a file of an optional format; None for all others.

    Raises:
        BadPicture: The package is missing, or the file cannot be read.
    """
    name = format_name(data)
    if name == "AVIF" and not features.check("avif"):
        raise BadPicture("image_undecodable", "AVIF, which this build of Pillow does not read")
    if name is None or name == "AVIF":
        return None
    if not find_spec(PACKAGES[name]):
        advice = "pip install 'triptych[image-formats]'"
        raise BadPicture("image_undecodable", f"{name}, which needs the extra image-formats: {advice}")
    if name == "SVG":
        return Vector(data)
    if name == "JPEG XL":
        return JpegXl(data)
    if "HEIF" not in Image.OPEN:
        from pillow_heif import register_heif_opener

        register_heif_opener(decode_threads=1)
    return Image.open(io.BytesIO(data), formats=("HEIF",))
