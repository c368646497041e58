"""The demo's pictures: characters of the fonts that ship with matplotlib, called by their Unicode names."""

import io
import random
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIDE = 64
SIZES = (36, 40, 44, 48)
BASELINE = 48
SHIFT = 5  # pixels, at most
TARS = 4

# fonts whose code points mean what Unicode says; Computer Modern's do so for ASCII letters and digits alone
FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
)
COMPUTER_MODERN = ("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10")

# first and last code point of what is drawn, and how many pictures of each character
BLOCKS = (
    (0x0021, 0x007E, 12),  # ASCII
    (0x00A1, 0x017F, 3),  # Latin with accents
    (0x0370, 0x045F, 3),  # Greek, Cyrillic
    (0x2190, 0x22FF, 2),  # arrows, mathematical operators
    (0x25A0, 0x27BF, 1),  # geometric shapes, symbols, dingbats
)


@dataclass(frozen=True)
class Glyph:
    """A character in a font file at a size in pixels, moved by `shift` (right, down)."""

    character: str
    font: Path
    size: int
    shift: tuple[int, int]

    @property
    def name(self) -> str:
        """Its Unicode name in lower case."""
        return unicodedata.name(self.character).lower()


def write_glyphs(folder: Path, *, seed: int = 0, limit: int | None = None) -> int:
    """Write WebDataset tars `folder/glyphs-0.tar`, … of `png` (64 x 64, black on white) and `txt`; returns the samples.

    `limit` keeps the first so many of the shuffled glyphs. The same bytes for the same seed, fonts and Pillow.
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
    """What to draw, shuffled: every named character of BLOCKS, in fonts that have it."""
    fonts = _coverage()
    rng = random.Random(f"glyphs {seed}")
    glyphs = []
    for first, last, pictures in BLOCKS:
        for code in range(first, last + 1):
            having = [font for font, codes in fonts.items() if code in codes]
            if having and unicodedata.name(chr(code), "") != "":
                glyphs += [_varied(chr(code), rng.choice(having), rng) for _ in range(pictures)]
    rng.shuffle(glyphs)
    return glyphs


def _varied(character: str, font: Path, rng: random.Random) -> Glyph:
    shift = rng.randint(-SHIFT, SHIFT), rng.randint(-SHIFT, SHIFT)
    return Glyph(character, font, rng.choice(SIZES), shift)


def _coverage() -> dict[Path, frozenset[int]]:
    """Code points that each font file may draw."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    plain = frozenset(code for code in range(0x21, 0x7F) if chr(code).isalnum())
    covered = {folder / f"{name}.ttf": frozenset(FT2Font(folder / f"{name}.ttf").get_charmap()) for name in FONTS}
    return covered | {folder / f"{name}.ttf": plain for name in COMPUTER_MODERN}


def draw(glyph: Glyph) -> Image.Image:
    """A grey picture of SIDE x SIDE; a glyph too large for it is drawn smaller, one shifted over an edge moved back."""
    font = ImageFont.truetype(glyph.font, glyph.size, layout_engine=ImageFont.Layout.BASIC)
    left, top, right, bottom = font.getbbox(glyph.character, anchor="ls")
    longest = max(right - left, bottom - top)
    if longest > SIDE:
        return draw(replace(glyph, size=int(glyph.size * SIDE / longest)))
    # a common baseline, so that a comma lies low and an apostrophe hangs high
    x = (SIDE - left - right) / 2 + glyph.shift[0]
    y = BASELINE + glyph.shift[1]
    at = (_inside(x, left, right), _inside(y, top, bottom))
    picture = Image.new("L", (SIDE, SIDE), "white")
    ImageDraw.Draw(picture).text(at, glyph.character, fill="black", font=font, anchor="ls")
    return picture


def _inside(position: float, start: float, end: float) -> int:
    """The position nearest to the given one at which start to end, relative to it, lie in the picture."""
    return round(min(max(position, -start), SIDE - end))
