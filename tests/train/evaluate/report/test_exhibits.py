"""Samples as files that browsers display: nothing is lost but what 16 bits lose."""

import io
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from triptych.train.evaluate.report.exhibits import SHOWN, Exhibit, grid_png, of_clips, of_pictures, of_texts, png, wav
from triptych.train.evaluate.samples.images import Pictures
from triptych.train.evaluate.samples.speech import Clips


def noise(count: int, seed: int, side: int = 16) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def test_the_grid_has_samples_below_what_they_are_compared_with() -> None:
    made, real = noise(9, 10), noise(9, 11)
    sheet = grid_png(of_pictures(Pictures([""] * 9, made, real, None)))
    assert sheet is not None
    image = np.asarray(Image.open(io.BytesIO(sheet)))
    assert image.shape == (4 * 18 + 2, 8 * 18 + 2, 3)
    assert (image[2:18, 20:36] == real[1]).all()
    assert (image[20:36, 20:36] == made[1]).all()
    assert (image[56:72, 2:18] == made[8]).all()
    assert (image[56:, 20:] == 255).all()
    assert grid_png([Exhibit("text", "", "a", "b")]) is None
    assert png(made[0]).startswith(b"\x89PNG")


def test_a_picture_comes_back_from_its_png() -> None:
    picture = noise(1, 12)[0]
    for pixels in (picture, picture[::-1, ::2]):  # the second does not lie in one piece
        assert (np.asarray(Image.open(io.BytesIO(png(pixels)))) == pixels).all()


def test_a_wave_comes_back_from_its_wav_to_16_bits_and_is_cut_at_one() -> None:
    wave = np.random.default_rng(0).uniform(-1, 1, 400).astype(np.float32)
    wave[:2] = 3, -3
    back, rate = soundfile.read(io.BytesIO(wav(wave, 8000)), dtype="float64")
    assert rate == 8000
    assert np.abs(back[2:] - wave[2:]).max() < 1 / 2**15
    assert np.abs(back[:2] - [1, -1]).max() < 1 / 2**14


def test_the_first_samples_are_shown_each_beside_its_reference() -> None:
    count = SHOWN + 3
    waves = [np.full(8, level, np.float32) for level in np.linspace(0, 1, 2 * count)]
    names = [f"number {i}" for i in range(count)]
    clips = of_clips(Clips(names, waves[:count], waves[count:], None, 8000))
    assert [one.prompt for one in clips] == names[:SHOWN]
    assert clips[5] == Exhibit("speech", "number 5", wav(waves[5], 8000), wav(waves[count + 5], 8000))
    texts = of_texts(names, names[::-1][:4])
    assert [(one.generated, one.reference) for one in texts] == list(zip(names[:4], names[::-1][:4], strict=True))
