"""Quality of the round trip through an audio tokenizer."""

from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np
import torch
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

from ..protocol import AudioTokenizer, Codes, Wave
from .mel import log_mel

DECIBELS = 20 / log(10)


def audio_report(tokenizer: AudioTokenizer, waves: Sequence[Wave]) -> dict[str, Any]:
    """Measure the round trip of waves at the tokenizer's sample rate; means are over clips.

    Returns:
        `si_sdr` in dB, which is low for every tokenizer that does not keep the phase; `log_mel_distance`, the mean
        absolute difference of 80 log-mel bands in dB; `codes_used` and `perplexity` (exp of the entropy) of each level.
    """
    codes = tokenizer.encode(waves)
    pairs = [_pair(wave, tokenizer.decode(code)) for wave, code in zip(waves, codes, strict=True)]
    rate = tokenizer.sample_rate
    used, perplexity = code_use(codes, tokenizer.sizes)
    return {
        "n": len(waves),
        "seconds": sum(len(wave) for wave in waves) / rate,
        "tokens_per_second": tokenizer.frame_rate * len(tokenizer.sizes),
        "si_sdr": _mean([float(scale_invariant_signal_distortion_ratio(out, wave)) for wave, out in pairs]),
        "log_mel_distance": _mean([log_mel_distance(wave, out, rate) for wave, out in pairs]),
        "codes_used": used,
        "perplexity": perplexity,
    }


def log_mel_distance(wave: torch.Tensor, out: torch.Tensor, sample_rate: int) -> float:
    """Mean absolute difference of the log-mels of two waves of equal length, in dB."""
    return float((log_mel(wave, sample_rate) - log_mel(out, sample_rate)).abs().mean()) * DECIBELS


def code_use(codes: Sequence[Codes], sizes: Sequence[int]) -> tuple[list[int], list[float]]:
    """Count the codes that occur in each level, and compute the perplexity of each level."""
    frames = np.concatenate([np.empty((0, len(sizes)), np.uint32), *codes])
    counts = [np.bincount(frames[:, level], minlength=size) for level, size in enumerate(sizes)]
    shares = [count[count > 0] / max(1, len(frames)) for count in counts]
    return [len(share) for share in shares], [float(np.exp(-(share * np.log(share)).sum())) for share in shares]


def _pair(wave: Wave, out: Wave) -> tuple[torch.Tensor, torch.Tensor]:
    samples = min(len(wave), len(out))
    return torch.from_numpy(wave[:samples]), torch.from_numpy(out[:samples])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
