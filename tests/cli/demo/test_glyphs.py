"""Pictures of glyphs: black on white, named as Unicode names them, and the same for the same seed."""

import hashlib
import io
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import webdataset
from PIL import Image

from triptych.cli.demo import glyphs

needs_fonts = pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs triptych[demo]")


def digest(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@needs_fonts
def test_glyphs_are_black_on_white_and_named(tmp_path: Path) -> None:
    assert glyphs.write_glyphs(tmp_path / "a", seed=1, limit=40) == 40
    tars = [str(path) for path in sorted((tmp_path / "a").glob("glyphs-*.tar"))]
    samples = list(webdataset.WebDataset(tars, shardshuffle=False))
    assert (len(tars), len(samples), len({one["__key__"] for one in samples})) == (4, 40, 40)
    for one in samples:
        assert unicodedata.name(unicodedata.lookup(one["txt"].decode().upper())).lower() == one["txt"].decode()
        picture = np.asarray(Image.open(io.BytesIO(one["png"])))
        assert (picture.shape, picture.max()) == ((64, 64), 255)
        assert picture.min() < 64
    glyphs.write_glyphs(tmp_path / "b", seed=1, limit=40)
    glyphs.write_glyphs(tmp_path / "c", seed=2, limit=40)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert not set(digest(tmp_path / "a").values()) & set(digest(tmp_path / "c").values())


@needs_fonts
def test_every_glyph_lies_inside_its_picture_and_differs_from_the_box_of_missing_ones() -> None:
    planned = glyphs.plan(0)
    assert 2000 <= len(planned) <= 3000
    assert len({glyph.name for glyph in planned}) > 150
    boxes = {glyph.font: np.asarray(glyphs.draw(glyphs.Glyph("\uffff", glyph.font, 40))) for glyph in planned}
    for glyph in planned[:200]:
        alone = np.asarray(glyphs.draw(glyphs.Glyph(glyph.character, glyph.font, 40)))
        assert not np.array_equal(alone, boxes[glyph.font])
    letter = next(glyph for glyph in planned if glyph.character == "H")
    edges = np.asarray(glyphs.draw(glyphs.Glyph("H", letter.font, 40)))
    assert edges[[0, -1]].min() == edges[:, [0, -1]].min() == 255
    huge = np.asarray(glyphs.draw(glyphs.Glyph("H", letter.font, 400)))
    assert 0.2 < (huge < 128).mean() < 0.8
