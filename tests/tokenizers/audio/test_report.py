"""The figures of a round trip, on tokenizers whose figures are known."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch

from triptych.tokenizers.audio.report import audio_report, code_use, log_mel_distance
from triptych.tokenizers.protocol import Codes, Wave


class Pcm:
    """Each sample is a frame: its high and its low byte."""

    sizes: tuple[int, ...] = (256, 256)
    fingerprint = "pcm"
    sample_rate = 16000
    frame_rate = 16000.0

    def encode(self, waves: Sequence[Wave]) -> list[Codes]:
        whole = [np.round(wave * 32767).astype(np.int64) + 32768 for wave in waves]
        return [np.stack([part >> 8, part & 255], axis=1).astype(np.uint32) for part in whole]

    def decode(self, codes: npt.ArrayLike) -> Wave:
        high, low = np.asarray(codes).astype(np.int64).T
        return np.asarray(((high << 8) + low - 32768) / 32767, np.float32)


def noise(samples: int) -> Wave:
    return np.random.default_rng(0).uniform(-0.5, 0.5, samples).astype(np.float32)


def test_sixteen_bits_are_nearly_perfect() -> None:
    figures = audio_report(Pcm(), [noise(8000), noise(16000)])
    assert figures["n"] == 2
    assert figures["seconds"] == 1.5
    assert figures["tokens_per_second"] == 32000
    assert 80 < figures["si_sdr"] < 110  # uniform over half the scale: about 6 dB a bit
    assert figures["log_mel_distance"] < 0.01
    assert figures["codes_used"] == [128, 256] or figures["codes_used"] == [129, 256]
    assert figures["perplexity"][1] == pytest.approx(256, rel=0.02)


def test_no_clips_are_no_error() -> None:
    assert audio_report(Pcm(), [])["n"] == 0


def test_code_use_counts_and_weighs() -> None:
    codes = np.array([[0, 5], [1, 5], [0, 5], [1, 5]], np.uint32)
    used, perplexity = code_use([codes[:1], codes[1:]], (4, 8))
    assert used == [2, 1]
    assert perplexity == pytest.approx([2, 1])


def test_half_the_amplitude_is_six_decibels() -> None:
    wave = torch.from_numpy(noise(16000))
    assert log_mel_distance(wave, wave / 2, 16000) == pytest.approx(20 * np.log10(2), abs=1e-3)
