"""Pictures and clips of a segment as files that a web browser shows: PNG, WAV, and drawings of sound."""

import io
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile
from PIL import Image

from ....tokenizers.protocol import Pixels, Wave

FFT, HOP, BANDS = 512, 128, 96
FLOOR = -80.0  # decibels below the loudest point that a spectrogram shows
# Points of the colour map "cividis", which is even in brightness and made for colour-blind readers
# (Nuñez, Anderton & Renslow 2018, https://doi.org/10.1371/journal.pone.0199239).
CIVIDIS = np.array(
    [(0, 34, 78), (28, 52, 107), (65, 77, 107), (97, 102, 111), (124, 123, 120), (155, 146, 119), (187, 170, 108),
     (222, 196, 88), (254, 232, 56)], np.float32
)  # fmt: skip


class Sound(NamedTuple):
    """Facts of a clip."""

    seconds: float
    peak: float  # largest absolute sample, 1.0 is full scale
    rms: float  # in decibels relative to full scale


def png(pixels: Pixels) -> bytes:
    """Encode an RGB image (height, width, 3) as PNG."""
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, format="PNG")
    return sink.getvalue()


def wav(wave: Wave, rate: int) -> bytes:
    """Encode a mono wave as 16-bit WAV, which every browser plays."""
    sink = io.BytesIO()
    soundfile.write(sink, np.clip(wave, -1, 1), rate, format="WAV", subtype="PCM_16")
    return sink.getvalue()


def difference(left: Pixels, right: Pixels) -> Pixels:
    """Return the absolute difference of two images of one size; grey level 0 is no difference, 255 the largest."""
    gap: Pixels = np.abs(left.astype(np.int16) - right.astype(np.int16)).astype(np.uint8)
    return gap


def psnr(left: Pixels, right: Pixels) -> float:
    """Return the peak signal-to-noise ratio of two 8-bit images in decibels; infinite for equal ones."""
    error = float(np.mean((left.astype(np.float64) - right.astype(np.float64)) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def sound_of(wave: Wave, rate: int) -> Sound:
    """Measure a clip."""
    if not wave.size:
        return Sound(0.0, 0.0, FLOOR)
    power = float(np.sqrt(np.mean(wave.astype(np.float64) ** 2)))
    level = 20 * np.log10(max(power, 1e-9))
    return Sound(len(wave) / rate, float(np.abs(wave).max()), float(level))


def peaks(wave: Wave, points: int = 400) -> list[tuple[float, float]]:
    """Return the least and the largest sample of each of at most `points` equal parts of a wave."""
    if not wave.size:
        return []
    edges = np.linspace(0, len(wave), min(points, len(wave)) + 1).astype(np.int64)[:-1]
    low, high = np.minimum.reduceat(wave, edges), np.maximum.reduceat(wave, edges)
    return [(round(float(a), 4), round(float(b), 4)) for a, b in zip(low, high, strict=True)]


def mel_spectrum(wave: Wave, rate: int) -> npt.NDArray[np.float32]:
    """Return (frames, BANDS) power in decibels below the loudest point, at least FLOOR."""
    padded = np.pad(wave.astype(np.float32), (0, max(0, FFT - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FFT).astype(np.float32), axis=1)) ** 2
    decibels = 10 * np.log10(np.maximum(power @ _mel_bands(rate).T, 1e-12))
    spectrum: npt.NDArray[np.float32] = np.maximum(decibels - decibels.max(), FLOOR).astype(np.float32)
    return spectrum


def spectrogram(wave: Wave, rate: int) -> Pixels:
    """Draw the power of a wave over time (left to right) and frequency (upwards, even steps in mel)."""
    return _coloured((1 - mel_spectrum(wave, rate) / FLOOR).T[::-1])


def _mel_bands(rate: int) -> npt.NDArray[np.float32]:
    """Return (BANDS, FFT/2 + 1) triangles, even in mel = 2595 log10(1 + f/700)."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(FFT, 1 / rate)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    bands: npt.NDArray[np.float32] = np.maximum(np.minimum(rise, fall), 0).astype(np.float32)
    nearest = np.abs(bins[None] - middle).argmin(axis=1)
    bands[np.arange(BANDS), nearest] = np.maximum(bands[np.arange(BANDS), nearest], 1e-3)  # a low band has one bin
    return bands


def _coloured(level: npt.NDArray[np.floating]) -> Pixels:
    """Colour levels from 0 to 1."""
    place = level * (len(CIVIDIS) - 1)
    below = np.minimum(place.astype(np.int64), len(CIVIDIS) - 2)
    share = (place - below)[..., None]
    colours: Pixels = (CIVIDIS[below] * (1 - share) + CIVIDIS[below + 1] * share).astype(np.uint8)
    return colours
