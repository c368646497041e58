"""From a clip's file bytes to a mono wave, or a named reason why not.

Whatever libsndfile reads is taken (WAV, FLAC, OGG Vorbis, Opus, MP3 …), at any rate and any number of channels.
Headers may lie: memory follows what is decoded, never what is announced.
"""

from fractions import Fraction
from io import BytesIO

import numpy as np
import soundfile

from ...schemas.dataset.drop_detail import error_detail
from ..protocol import Wave

MIN_SECONDS = 0.02  # one frame at 50 a second: what is shorter carries no speech
BLOCK = 1 << 16


class BadClip(ValueError):
    """A clip that goes no further; `reason` is one of `REASONS`, `detail` is for a person."""

    REASONS = ("audio_undecodable", "audio_empty", "audio_too_short", "audio_too_long", "audio_not_finite")

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def duration_of(data: bytes) -> tuple[int, int]:
    """Samples a channel and samples a second as the header says them; raises BadClip audio_undecodable."""
    with _open(data) as file:
        return file.frames, file.samplerate


def wave_of(data: bytes, sample_rate: int, max_seconds: float) -> Wave:
    """The mean of a clip's channels as float32 in -1..1, resampled to `sample_rate`; raises BadClip."""
    with _open(data) as file:
        wave, rate = _mono(file, max_seconds), file.samplerate
    if not wave.size:
        raise BadClip("audio_empty", "no samples")
    if wave.size < MIN_SECONDS * rate:
        raise BadClip("audio_too_short", f"{wave.size} samples at {rate} Hz, under {MIN_SECONDS} s")
    if not np.isfinite(wave).all():
        raise BadClip("audio_not_finite", "NaN or infinite samples")
    return np.clip(resample(wave, rate, sample_rate), -1, 1)


def resample(wave: Wave, rate: int, to: int) -> Wave:
    """Windowed-sinc resampling; n samples become ceil(n * to / rate), give or take the approximation below."""
    if rate == to:
        return wave
    # The kernel grows with the product of the ratio's terms; one part in a million off the rate bounds it.
    ratio = Fraction(to, rate).limit_denominator(1000)
    if not ratio:
        raise BadClip("audio_undecodable", f"a rate of {rate} Hz")
    import torch
    from torchaudio.functional import resample as sinc

    resampled: Wave = sinc(torch.from_numpy(wave), ratio.denominator, ratio.numerator).numpy()
    return resampled


def _open(data: bytes) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(BytesIO(data))
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        raise BadClip("audio_undecodable", error_detail(error)) from None


def _mono(file: soundfile.SoundFile, max_seconds: float) -> Wave:
    limit = int(max_seconds * file.samplerate)
    blocks, samples = [np.empty(0, np.float32)], 0
    while samples <= limit:
        try:
            block = file.read(BLOCK, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise BadClip("audio_undecodable", error_detail(error)) from None
        if not len(block):
            return np.concatenate(blocks)
        blocks.append(block.mean(axis=1))
        samples += len(block)
    raise BadClip("audio_too_long", f"longer than {max_seconds:g} s at {file.samplerate} Hz")
