"""Figures of pictures against known answers."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych.tokenizers.image.clip_model import ClipModel
from triptych.train.evaluate.samples.image_features import Features
from triptych.train.evaluate.samples.images import (
    Pictures,
    clip_score_metrics,
    clip_scores,
    diversity,
    frechet,
    frechet_metrics,
    reconstruction_metrics,
)

from ....tokenizers.image.tiny_clip import save_clip


def noise(count: int, seed: int, side: int = 16) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


class Rounding:
    """A tokenizer of one code, which gives a picture back less the lowest bits of its values."""

    size, tokens, pixels, fingerprint = 1, 1, 16, "rounding"

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def encode(self, pixels: Any) -> Any:
        self._kept = pixels >> self._bits << self._bits
        return np.zeros((len(pixels), 1), np.uint32)

    def decode(self, codes: Any) -> Any:
        return self._kept


def test_a_perfect_tokenizer_has_no_error() -> None:
    psnr, ssim = reconstruction_metrics(Rounding(0), noise(3, 0))
    assert (psnr.value, psnr.error) == (math.inf, None)
    assert ssim.value == pytest.approx(1)


def test_psnr_is_that_of_the_pooled_error() -> None:
    pictures = noise(6, 1)
    psnr, _ = reconstruction_metrics(Rounding(5), pictures)
    lost = (pictures & 31).astype(float)
    assert psnr.value == pytest.approx(10 * math.log10(255**2 / (lost**2).mean()), rel=1e-4)
    assert psnr.error is not None
    assert 0 < psnr.error < 1


def test_clip_scores_are_cosines_and_never_negative() -> None:
    vectors = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    assert clip_scores(vectors, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])).tolist() == pytest.approx([100, 80, 0])


def test_the_floor_of_a_clip_score_is_that_of_held_out_pictures(tmp_path: Path) -> None:
    save_clip(tmp_path)
    pictures = Pictures(["red", "a bus", "ü"], noise(3, 2), noise(3, 3), None)
    score, held_out, others = clip_score_metrics(pictures, ClipModel("", str(tmp_path)), "tiny")
    assert score.floor == held_out.value
    assert others.n == 3
    same = Pictures(["red", "a bus", "ü"], noise(3, 3), noise(3, 3), None)
    assert next(clip_score_metrics(same, ClipModel("", str(tmp_path)), "tiny")).value == pytest.approx(held_out.value)


def test_a_frechet_distance_of_shifted_normals_is_the_square_of_the_shift() -> None:
    draw = np.random.default_rng(3)
    one = draw.normal(size=(4000, 3))
    assert frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet(one, one + np.array([3, 0, 4])) == pytest.approx(25, rel=1e-3)
    assert frechet(one, 2 * draw.normal(size=(4000, 3))) == pytest.approx(3, rel=0.1)  # (2 - 1)² a dimension


def test_the_floor_of_a_frechet_distance_is_the_tokenizers() -> None:
    colour = Features("mean colour", lambda pictures: pictures.mean(axis=(1, 2)))
    real = noise(12, 4)
    row = next(frechet_metrics(Pictures([""] * 12, noise(12, 5) // 2, real, real), colour))
    assert row.floor == pytest.approx(0, abs=1e-6)
    assert row.value > 1000  # colours of half the brightness: some 64 away in each of three
    assert row.error is not None
    assert row.error > 0
    assert row.note == "mean colour, 3 dimensions; 12 samples against 12 held-out pictures"
    unknown = next(frechet_metrics(Pictures([""] * 3, noise(3, 5), noise(3, 4), None), colour))
    assert unknown.floor is None
    assert "as the tokenizer restores them; biased upwards by so few" in unknown.note


def test_copies_have_no_diversity_and_noise_has_all() -> None:
    assert diversity(np.repeat(noise(1, 8), 5, axis=0))[0] == pytest.approx(0, abs=1e-6)
    value, error = diversity(noise(40, 9, side=32))
    assert value == pytest.approx(1, abs=0.02)
    assert error is not None
    assert error < 0.01
    half = np.concatenate([np.repeat(noise(1, 8, side=32), 20, axis=0), noise(20, 9, side=32)])
    assert 0.3 < diversity(half)[0] < 0.9
