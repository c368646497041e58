"""Images of the demo: characters in the fonts that ship with matplotlib, captioned with their Unicode names."""

import io
import random
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIDE = 64
SIZE = 48
BASELINE = 48
TARS = 4

# few, because the demo has minutes to learn them; their code points follow Unicode
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")

# first and last code point of a block, and the number of images per character
BLOCKS = (
    (0x0021, 0x007E, 20),  # ASCII
    (0x0391, 0x03C9, 5),  # Greek
    (0x2660, 0x2667, 5),  # suits of cards
)


@dataclass(frozen=True)
class Glyph:
    """A character in a font file at a size in pixels."""

    character: str
    font: Path
    size: int = SIZE

    @property
    def name(self) -> str:
        """Unicode name in lower case."""
        return unicodedata.name(self.character).lower()


def write_glyphs(folder: Path, *, seed: int = 0, limit: int | None = None) -> int:
    """Write WebDataset tars `folder/glyphs-0.tar`, … of `png` (64 x 64, black on white) and `txt`.

    The bytes depend only on the seed, the fonts and Pillow. Returns the number of samples: at most `limit`.
    """
    from webdataset import TarWriter

    glyphs = plan(seed)[:limit]
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(TARS):
        with (folder / f"glyphs-{part}.tar").open("wb") as file, TarWriter(file, "", "", mtime=0) as tar:
            for index in range(part, len(glyphs), TARS):
                png = io.BytesIO()
                draw(glyphs[index]).save(png, "PNG")
                tar.write({"__key__": f"{index:05d}", "png": png.getvalue(), "txt": glyphs[index].name})
    return len(glyphs)


def plan(seed: int) -> list[Glyph]:
    """Glyphs to draw, shuffled: every named character of BLOCKS, in fonts that have it."""
    fonts = coverage()
    rng = random.Random(f"glyphs {seed}")
    glyphs = []
    for first, last, images in BLOCKS:
        for code in range(first, last + 1):
            having = [font for font, codes in fonts.items() if code in codes]
            if having and unicodedata.name(chr(code), "") != "":
                glyphs += [Glyph(chr(code), rng.choice(having)) for _ in range(images)]
    rng.shuffle(glyphs)
    return glyphs


def coverage() -> dict[Path, frozenset[int]]:
    """Code points of each font file."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    files = [Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf" for name in FONTS]
    return {file: frozenset(FT2Font(file).get_charmap()) for file in files}


def draw(glyph: Glyph) -> Image.Image:
    """Draw a glyph in the centre of a grey image of SIDE x SIDE; a glyph that is too large is drawn smaller."""
    font = ImageFont.truetype(glyph.font, glyph.size, layout_engine=ImageFont.Layout.BASIC)
    left, top, right, bottom = font.getbbox(glyph.character, anchor="ls")
    longest = max(right - left, bottom - top)
    if longest > SIDE:
        return draw(replace(glyph, size=int(glyph.size * SIDE / longest)))
    # with a common baseline, a comma is at the bottom and an apostrophe at the top
    at = (_inside((SIDE - left - right) / 2, left, right), _inside(BASELINE, top, bottom))
    image = Image.new("L", (SIDE, SIDE), "white")
    ImageDraw.Draw(image).text(at, glyph.character, fill="black", font=font, anchor="ls")
    return image


def _inside(position: float, start: float, end: float) -> int:
    """Nearest position to the given one at which the extent `start` to `end`, relative to it, is inside the image."""
    return round(min(max(position, -start), SIDE - end))
