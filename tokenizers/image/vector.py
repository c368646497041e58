"""Renders SVG (resvg), without fonts, files or network.

resvg reads the file that an absolute path names, so that an SVG that refers to anything outside of itself is not
rendered. Texts need the fonts of a machine, and would look different on another one.
"""

import io
import re

from PIL import Image

from .bad_picture import BadPicture
from .svg_size import drawn_shapes

MOST_SHAPES = 100_000  # of a drawing with references
REFERS = re.compile(rb"<(?:\w+:)?use[\s>]|url\(")
MOST_SIDE = 1 << 15  # pixels of a rendered image
OUTSIDE = re.compile(rb"""href\s*=\s*["']\s*(?!\#|data:)[^"'\s]""", re.IGNORECASE)
TEXT = re.compile(rb"<(?:\w+:)?text[\s>]")
ENTITY = re.compile(rb"""<!ENTITY\s+(?:%|\S+\s+(?:SYSTEM|PUBLIC|"[^"]*[&<%]|'[^']*[&<%]))""")
REFUSED = ((OUTSIDE, "refers to another file"), (ENTITY, "defines markup as entities"), (TEXT, "has text"))
ROOT = re.compile(rb"<(?:\w+:)?svg\b[^>]*>")
ATTRIBUTE = r"""\s({})\s*=\s*(?:"([^"]*)"|'([^']*)')"""
LENGTH = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*(px|pt|pc|mm|cm|in|)\s*$", re.IGNORECASE)
PIXELS_A_UNIT = {"": 1, "px": 1, "pt": 96 / 72, "pc": 16, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96}
HEAD = 1 << 14  # bytes within which an SVG begins


def is_svg(data: bytes) -> bool:
    """Whether a file is an SVG."""
    head = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and ROOT.search(head) is not None and b"<html" not in head.lower()


class Vector:
    """An SVG that has not been rendered; `size` is its nominal width and height in pixels."""

    def __init__(self, data: bytes) -> None:
        for pattern, what in REFUSED:
            if pattern.search(data):
                raise BadPicture("image_undecodable", f"SVG that {what}; only drawings are rendered")
        shapes = drawn_shapes(data) if REFERS.search(data) else 0
        if shapes > MOST_SHAPES:
            raise BadPicture("image_too_large", f"SVG that draws more than {MOST_SHAPES} shapes, by references")
        root = ROOT.search(data)
        assert root is not None
        self._data = data
        self._root = root
        self._width, self._height = _nominal(root.group().decode(errors="replace"))
        self.size = max(1, round(self._width)), max(1, round(self._height))

    def rendered(self, side: int) -> Image.Image:
        """Render so that the short side has `side` pixels; raises BadPicture."""
        import resvg_py

        zoom = side / min(self._width, self._height)
        width, height = self._width * zoom, self._height * zoom
        if max(width, height) > MOST_SIDE:
            raise BadPicture("image_too_large", f"{width:.0f}x{height:.0f} with a short side of {side} pixels")
        tag = self._root.group().decode(errors="replace")
        view = "" if _attribute(tag, "viewBox") else f' viewBox="0 0 {self._width:.9g} {self._height:.9g}"'
        tag = re.sub(ATTRIBUTE.format("width|height"), "", tag)
        end = "/>" if tag.endswith("/>") else ">"
        tag = f'{tag.removesuffix(end)}{view} width="{width:.9g}" height="{height:.9g}"{end}'
        text = b"".join((self._data[: self._root.start()], tag.encode(), self._data[self._root.end() :]))
        png = resvg_py.svg_to_bytes(svg_string=text.decode("utf-8-sig"), skip_system_fonts=True, dpi=96)
        image = Image.open(io.BytesIO(bytes(png)), formats=("PNG",))
        image.load()
        return image


def _nominal(tag: str) -> tuple[float, float]:
    """Width and height of an SVG by its attributes, otherwise by its view box."""
    lengths = [_length(_attribute(tag, name)) for name in ("width", "height")]
    if None in lengths:
        lengths = [_length(number) for number in re.split(r"[\s,]+", _attribute(tag, "viewBox").strip())[2:]]
    if len(lengths) != 2 or None in lengths:
        raise BadPicture("image_undecodable", "SVG without a width, height or view box")
    width, height = (length or 0.0 for length in lengths)
    if width <= 0 or height <= 0:
        raise BadPicture("image_empty", f"SVG of {width:g}x{height:g}")
    return width, height


def _attribute(tag: str, name: str) -> str:
    found = re.search(ATTRIBUTE.format(name), tag)
    return (found.group(2) or found.group(3) or "") if found else ""


def _length(text: str) -> float | None:
    found = LENGTH.match(text)
    return float(found.group(1)) * PIXELS_A_UNIT[found.group(2).lower()] if found else None
