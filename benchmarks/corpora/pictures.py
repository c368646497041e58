"""SVG to PNG, and pictures made small."""

import io
from pathlib import Path

import matplotlib
import resvg_py
from PIL import Image

# the same letters on every machine: fonts of the system have no say
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def rasterise(svg: Path, side: int) -> bytes:
    """An SVG as a PNG with transparency, its longer side `side` pixels; raises ValueError on what is no SVG."""
    width, height = Image.open(io.BytesIO(_render(svg))).size
    return _render(svg, side / max(width, height))


def _render(svg: Path, zoom: float = 1.0) -> bytes:
    return resvg_py.svg_to_bytes(
        svg_path=str(svg),
        zoom=zoom,
        dpi=96.0,  # its default, 0, gives lengths in points no size at all
        skip_system_fonts=True,
        font_dirs=[str(FONTS)],
        font_family="DejaVu Sans",
        sans_serif_family="DejaVu Sans",
        serif_family="DejaVu Serif",
        monospace_family="DejaVu Sans Mono",
    )


def thumbnail(png: bytes, side: int) -> bytes:
    """A PNG on white without transparency, at most `side` pixels wide and high."""
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    flat.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    flat.save(out, "PNG")
    return out.getvalue()
