"""How channels become one, and what becomes of samples beyond full scale."""

import io

import numpy as np
import pytest
import soundfile

from triptych.tokenizers.audio.decode_clip import wave_of

RATE = 16000


def decoded(samples: np.ndarray, subtype: str = "PCM_16") -> np.ndarray:
    stream = io.BytesIO()
    soundfile.write(stream, samples, RATE, format="WAV", subtype=subtype)
    return wave_of(stream.getvalue(), RATE, 10.0)


def tone(loud: float = 0.5) -> np.ndarray:
    return (loud * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


@pytest.mark.parametrize("other", [-1.0, -0.95, -1.05])
def test_channels_that_cancel_give_the_louder_one(other: float) -> None:
    wave = decoded(np.stack([tone(), other * tone()], axis=1))
    assert np.abs(np.abs(wave) - np.abs(tone() * max(1, -other))).max() < 1e-4


@pytest.mark.parametrize("other", [1.0, 0.0, -0.5])
def test_other_channels_are_averaged(other: float) -> None:
    wave = decoded(np.stack([tone(), other * tone()], axis=1))
    assert np.abs(wave - tone() * (1 + other) / 2).max() < 1e-4


def test_many_channels_and_silence() -> None:
    assert not decoded(np.zeros((RATE, 2))).any()
    six = np.stack([tone(), -tone(), *[np.zeros(RATE)] * 4], axis=1)
    assert np.abs(decoded(six) - tone()).max() < 1e-4


@pytest.mark.parametrize(("factor", "scale"), [(1.5, 1.5), (8.0, 8.0), (20000.0, 2.0**15), (5e6, 2.0**23)])
def test_float_samples_beyond_full_scale_keep_their_shape(factor: float, scale: float) -> None:
    wave = decoded(tone(1.0) * factor, "FLOAT")
    assert np.abs(wave - tone(1.0) * factor / scale).max() < 1e-3


def test_float_samples_within_full_scale_are_kept() -> None:
    np.testing.assert_array_equal(decoded(tone(1.0), "FLOAT"), tone(1.0))
