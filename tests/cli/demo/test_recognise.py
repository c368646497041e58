"""The demo's judges know their own: a glyph that lies elsewhere, a word in noise and at another pace."""

from importlib.util import find_spec

import numpy as np
import pytest

from triptych.cli.demo import recognise
from triptych.cli.demo.glyphs import Glyph, coverage, draw


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs triptych[demo]")
def test_glyphs_are_told_apart_wherever_they_lie() -> None:
    alphabet = recognise.Alphabet()
    assert alphabet.size == 94
    noise = np.random.default_rng(0)
    font = next(iter(coverage()))
    for character in recognise.NAMED:
        grey = np.roll(np.asarray(draw(Glyph(character, font))), (-2, 2), (0, 1))
        pixels = np.clip(grey[..., None] + noise.normal(0, 25, (64, 64, 3)), 0, 255).astype(np.uint8)
        assert alphabet.nearest(pixels) == character
        assert alphabet.nearest(alphabet.template(character)) == character
    assert len(set(recognise.NAMED)) == 20


@pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="needs triptych[demo]")
def test_words_are_told_apart_at_any_pace() -> None:
    words = recognise.Words()
    noise = np.random.default_rng(0)
    for word in recognise.SPOKEN:
        wave = words.template(word)
        slower = np.interp(np.arange(0, len(wave), 0.9), np.arange(len(wave)), wave)
        assert words.nearest((slower + noise.normal(0, 0.003, len(slower))).astype(np.float32)) == word
    assert len(set(recognise.SPOKEN)) == 20
