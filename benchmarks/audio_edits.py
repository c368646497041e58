"""What is done to clips that stay the same recording, and how to tell from two waves alone that they are of one."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import scipy.fft
import soundfile

from triptych.tokenizers.audio.decode_clip import resample
from triptych.tokenizers.protocol import Wave

OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
CUT = 0.5  # seconds
CUTTABLE = 2.0  # seconds: of less a cut leaves too little
Edit = Callable[[Wave, int, np.random.Generator], bytes]


def write(wave: Wave, rate: int, container: str = "WAV", subtype: str | None = "PCM_16") -> bytes:
    """A file's bytes."""
    sink = BytesIO()
    soundfile.write(sink, np.clip(wave, -1, 1), rate, format=container, subtype=subtype)
    return sink.getvalue()


def gain(factor: float) -> Edit:
    """Louder or softer; what then goes beyond full scale is clipped."""
    return lambda wave, rate, draw: write(wave * np.float32(factor), rate)


def at_rate(to: int) -> Edit:
    """Another sample rate."""
    return lambda wave, rate, draw: write(resample(wave, rate, to), to)


def opus(wave: Wave, rate: int, draw: np.random.Generator) -> bytes:
    """Opus at libsndfile's bit rate, and the next sample rate that it has."""
    to = min((each for each in OPUS_RATES if each >= rate), default=OPUS_RATES[-1])
    return write(resample(wave, rate, to), to, "OGG", "OPUS")


def noise(decibels: float) -> Edit:
    """White noise at a signal-to-noise ratio over the whole clip."""

    def edit(wave: Wave, rate: int, draw: np.random.Generator) -> bytes:
        power = np.square(wave).mean() / 10 ** (decibels / 10)
        return write(wave + np.sqrt(power) * draw.standard_normal(len(wave)).astype(np.float32), rate)

    return edit


def cut(start: bool, end: bool) -> Edit:
    """CUT seconds off one end or both: 62.5 frames of a fingerprint, which is the worst that can happen."""

    def edit(wave: Wave, rate: int, draw: np.random.Generator) -> bytes:
        size = int(CUT * rate)
        return write(wave[size * start : len(wave) - size * end], rate)

    return edit


EDITS: dict[str, Edit] = {
    "gain -12 dB": gain(0.25),
    "gain +3 dB": gain(1.41),
    "8 kHz": at_rate(8000),
    "16 kHz": at_rate(16000),
    "24 kHz": at_rate(24000),
    "44.1 kHz": at_rate(44100),
    "MP3": lambda wave, rate, draw: write(wave, rate, "MP3", None),
    "Opus": opus,
    "noise at 20 dB": noise(20),
}
CUTS: dict[str, Edit] = {
    "0.5 s cut at start": cut(True, False),
    "0.5 s cut at end": cut(False, True),
    "0.5 s cut at both": cut(True, True),
}


def edits_of(wave: Wave, rate: int, seed: int) -> dict[str, bytes]:
    """Files of a clip edited in each way that changes it."""
    draw = np.random.default_rng(seed)
    ways = EDITS | (CUTS if len(wave) >= CUTTABLE * rate else {})
    return {name: edit(wave, rate, draw) for name, edit in ways.items() if name != f"{rate / 1000:g} kHz"}


def wave_correlation(one: Wave, other: Wave) -> float:
    """The correlation of two waves of one rate where one lies best on the other, over what both have there."""
    size = scipy.fft.next_fast_len(len(one) + len(other), real=True)
    product = scipy.fft.irfft(scipy.fft.rfft(one, size) * np.conj(scipy.fft.rfft(other, size)), size)
    shift = int(np.argmax(product))
    shift -= size * (shift > size // 2)
    length = min(len(one), len(other) + shift) - max(shift, 0)
    ours, theirs = one[max(shift, 0) :][:length], other[max(-shift, 0) :][:length]
    return float(ours @ theirs / np.sqrt(np.maximum((ours @ ours) * (theirs @ theirs), 1e-12)))
