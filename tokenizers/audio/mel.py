"""Log-mel spectrograms of waves, and waves from log-mel spectrograms by Griffin-Lim.

Slaney mel bands over magnitudes (power 1); frame i is centred on sample i * hop, and n samples give ceil(n / hop)
frames. Shapes: waves (samples,), log-mels (frames, BANDS).
"""

from functools import lru_cache

import torch
from torch import Tensor
from torchaudio.functional import griffinlim, melscale_fbanks

BANDS = 80
N_FFT = 1024
FRAME_RATE = 50
FLOOR = 1e-5
NNLS_STEPS = 30
GRIFFIN_LIM_STEPS = 60
MOMENTUM = 0.99


def hop_of(sample_rate: int) -> int:
    """Return the number of samples between two frames."""
    return sample_rate // FRAME_RATE


@lru_cache
def filters(sample_rate: int) -> Tensor:
    """Return the (N_FFT/2 + 1, BANDS) mel filter bank."""
    bands: Tensor = melscale_fbanks(N_FFT // 2 + 1, 0.0, sample_rate / 2, BANDS, sample_rate, "slaney", "slaney")
    return bands


@lru_cache
def _inverse(sample_rate: int) -> Tensor:
    inverse: Tensor = torch.linalg.pinv(filters(sample_rate))
    return inverse


def log_mel(wave: Tensor, sample_rate: int) -> Tensor:
    """Compute the (frames, BANDS) log-mel spectrogram of a (samples,) wave, padded with silence at both ends."""
    hop = hop_of(sample_rate)
    frames = -(-len(wave) // hop)
    padded = torch.nn.functional.pad(wave, (0, frames * hop - len(wave)))
    spectrum = torch.stft(
        padded, N_FFT, hop, window=torch.hann_window(N_FFT), center=True, pad_mode="constant", return_complex=True
    )
    return (spectrum.abs()[:, :frames].T @ filters(sample_rate)).clamp_min(FLOOR).log()


def magnitudes(log_mels: Tensor, sample_rate: int) -> Tensor:
    """Estimate the non-negative magnitude spectrum that best matches a log-mel spectrogram.

    The pseudo-inverse is refined by multiplicative updates with fixed filters (Lee and Seung 2000, "Algorithms for
    Non-negative Matrix Factorization").

    Args:
        log_mels: (frames, BANDS).
        sample_rate: In Hz.

    Returns:
        (frames, N_FFT/2 + 1) magnitudes.
    """
    mels, bands = log_mels.exp(), filters(sample_rate)
    spectrum = (mels @ _inverse(sample_rate)).clamp_min(FLOOR)
    wanted, gram = mels @ bands.T, bands @ bands.T
    for _ in range(NNLS_STEPS):
        spectrum = spectrum * wanted / (spectrum @ gram).clamp_min(1e-12)
    return spectrum


def wave_from(log_mels: Tensor, sample_rate: int) -> Tensor:
    """Synthesise a wave by Griffin-Lim from a fixed random phase.

    Args:
        log_mels: (frames, BANDS).
        sample_rate: In Hz.

    Returns:
        (frames * hop,) samples in -1..1.
    """
    hop = hop_of(sample_rate)
    hops = max(len(log_mels), 3)  # torchaudio pads by reflecting half a window, so the signal must be that long
    # n hops have n + 1 frame centres
    padded = torch.cat([log_mels, log_mels[-1:].expand(hops + 1 - len(log_mels), -1)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        wave: Tensor = griffinlim(
            magnitudes(padded, sample_rate).T,
            torch.hann_window(N_FFT),
            n_fft=N_FFT,
            hop_length=hop,
            win_length=N_FFT,
            power=1.0,
            n_iter=GRIFFIN_LIM_STEPS,
            momentum=MOMENTUM,
            length=hops * hop,
            rand_init=True,
        )
    return wave[: len(log_mels) * hop].clamp(-1, 1)
