"""Waves to log-mel frames and back: the signal processing on either side of the codes.

Slaney mel bands over magnitudes (power 1); frame i is centred on sample i * hop, and n samples make
ceil(n / hop) frames. Shapes: waves (samples,), log-mels (frames, BANDS).
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
    """Samples from one frame to the next."""
    return sample_rate // FRAME_RATE


@lru_cache
def filters(sample_rate: int) -> Tensor:
    """(N_FFT/2 + 1, BANDS) mel filters."""
    bands: Tensor = melscale_fbanks(N_FFT // 2 + 1, 0.0, sample_rate / 2, BANDS, sample_rate, "slaney", "slaney")
    return bands


@lru_cache
def _inverse(sample_rate: int) -> Tensor:
    inverse: Tensor = torch.linalg.pinv(filters(sample_rate))
    return inverse


def log_mel(wave: Tensor, sample_rate: int) -> Tensor:
    """(samples,) to (frames, BANDS); silence beyond both ends."""
    hop = hop_of(sample_rate)
    frames = -(-len(wave) // hop)
    padded = torch.nn.functional.pad(wave, (0, frames * hop - len(wave)))
    spectrum = torch.stft(
        padded, N_FFT, hop, window=torch.hann_window(N_FFT), center=True, pad_mode="constant", return_complex=True
    )
    return (spectrum.abs()[:, :frames].T @ filters(sample_rate)).clamp_min(FLOOR).log()


def magnitudes(log_mels: Tensor, sample_rate: int) -> Tensor:
    """(frames, BANDS) to the (frames, N_FFT/2 + 1) non-negative spectrum whose mel bands come closest.

    The pseudo-inverse, then the multiplicative steps of Lee and Seung (2000) with the filters held fixed.
    """
    mels, bands = log_mels.exp(), filters(sample_rate)
    spectrum = (mels @ _inverse(sample_rate)).clamp_min(FLOOR)
    wanted, gram = mels @ bands.T, bands @ bands.T
    for _ in range(NNLS_STEPS):
        spectrum = spectrum * wanted / (spectrum @ gram).clamp_min(1e-12)
    return spectrum


def wave_from(log_mels: Tensor, sample_rate: int) -> Tensor:
    """(frames, BANDS) to (frames * hop,) by Griffin-Lim from a fixed random phase."""
    hop = hop_of(sample_rate)
    hops = max(len(log_mels), 3)  # torchaudio mirrors half a window at the ends, which must be there
    longer = torch.cat([log_mels, log_mels[-1:].expand(hops + 1 - len(log_mels), -1)])  # n hops have n + 1 centres
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        wave: Tensor = griffinlim(
            magnitudes(longer, sample_rate).T,
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
