"""Decodes audio files to mono waves; a file that cannot be used raises BadClip with a named reason.

All formats that libsndfile reads are supported (WAV, FLAC, OGG Vorbis, Opus, MP3 …), at any sample rate and any number
of channels. Headers may be wrong, so memory depends on what is decoded, not on what the header announces.
"""

from fractions import Fraction
from io import BytesIO

import numpy as np
import soundfile

from ...schemas.dataset.drop_detail import error_detail
from ..protocol import Wave

MIN_SECONDS = 0.02  # one frame at 50 frames per second; a shorter clip contains no speech
BLOCK = 1 << 16


class BadClip(ValueError):
    """A clip that cannot be used; `reason` is one of `REASONS`, `detail` is a message for a person."""

    REASONS = ("audio_undecodable", "audio_empty", "audio_too_short", "audio_too_long", "audio_not_finite")

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def duration_of(data: bytes) -> tuple[int, int]:
    """Read the length of a clip from its header.

    Returns:
        (samples per channel, sample rate in Hz).

    Raises:
        BadClip: The header cannot be read (audio_undecodable).
    """
    with _open(data) as file:
        return file.frames, file.samplerate


def wave_of(data: bytes, sample_rate: int, max_seconds: float) -> Wave:
    """Decode a clip to mono.

    Args:
        data: Bytes of the audio file.
        sample_rate: Sample rate of the result, in Hz.
        max_seconds: Maximum length of the clip.

    Returns:
        (samples,) float32 in -1..1, the mean over channels.

    Raises:
        BadClip: The clip cannot be decoded, or is empty, too short, too long or not finite.
    """
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
    """Resample a wave with a windowed-sinc filter.

    Args:
        wave: (n,) samples.
        rate: Sample rate of `wave`, in Hz.
        to: Target sample rate, in Hz.

    Returns:
        ceil(n * to / rate) samples; the length may be slightly off when the ratio has to be approximated.
    """
    if rate == to:
        return wave
    # The filter grows with numerator and denominator of the ratio; an error of one in a million bounds its size.
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
