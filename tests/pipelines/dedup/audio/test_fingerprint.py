"""Codes of 8 ms: what changes them, what does not, and what has none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.dedup.audio.fingerprint import FRAMES_A_SECOND, HOP, RATE, STEP_BACK, WINDOW, codes_of

from ..babble import babble

HALF = 16


def differing(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the bits that count on both sides which differ."""
    both = (one & other) >> HALF
    return float(np.bitwise_count((one ^ other) & both).sum() / np.bitwise_count(both).sum())


def test_a_code_a_hop_whose_bits_count_two_in_five_times() -> None:
    wave = babble(0, 2.0)
    codes = codes_of(wave)
    assert codes.dtype == np.uint32
    assert len(codes) == (len(wave) - WINDOW) // HOP + 1 - STEP_BACK
    counts = np.bitwise_count(codes >> HALF).sum() / (16 * len(codes))
    assert counts == pytest.approx(0.4, abs=0.01)
    assert not (codes & ~(codes >> HALF) & 0xFFFF).any()  # a bit that does not count is 0


@given(st.floats(0.02, 1.0), st.integers(0, 3))
def test_loudness_has_no_say(gain: float, seed: int) -> None:
    wave = babble(seed, 1.0)
    assert np.mean(codes_of(wave) != codes_of(wave * np.float32(gain))) < 0.02


@given(st.integers(0, 400), st.integers(0, 400))
def test_silence_around_has_no_say(before: int, after: int) -> None:
    wave = np.pad(babble(1, 1.0), HOP * (20 + WINDOW // HOP))
    padded = np.pad(wave, (HOP * before, HOP * after))
    np.testing.assert_array_equal(codes_of(padded), codes_of(wave))


def test_other_sound_has_other_bits() -> None:
    one, other = codes_of(babble(1, 3.0)), codes_of(babble(2, 3.0))
    assert 0.4 < differing(one, other) < 0.6


def test_noise_at_20_db_flips_few_of_the_bits_that_count() -> None:
    wave = babble(1, 3.0)
    power = np.square(wave).mean() / 100
    noisy = wave + np.sqrt(power) * np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32)
    assert differing(codes_of(wave), codes_of(noisy)) < 0.01


def test_pauses_are_zeros_and_the_ends_sound() -> None:
    pause = np.zeros(RATE, np.float32)
    codes = codes_of(np.concatenate([pause, babble(1, 1.0), pause, babble(2, 1.0), pause]))
    assert codes[0]
    assert codes[-1]
    quiet = codes[FRAMES_A_SECOND : 2 * FRAMES_A_SECOND][WINDOW // HOP : -WINDOW // HOP]
    assert not quiet.any()
    assert np.count_nonzero(codes) > 1.9 * FRAMES_A_SECOND


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(0),
        np.ones(WINDOW - 1),
        np.zeros(RATE),
        np.full(RATE, 0.5),
        np.sin(np.arange(RATE) / 3),
        np.random.default_rng(0).uniform(-1e-4, 1e-4, RATE),
    ],
    ids=["empty", "short", "silent", "constant", "steady tone", "faint"],
)
def test_what_has_no_features_has_no_codes(wave: np.ndarray) -> None:
    assert not len(codes_of(wave.astype(np.float32)))


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = babble(5, 2.0)
    whole = codes_of(wave)
    monkeypatch.setattr("triptych.pipelines.dedup.audio.fingerprint.BLOCK", 7)
    np.testing.assert_array_equal(codes_of(wave), whole)
