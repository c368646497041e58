"""Decodes audio files to mono waves; a file that cannot be used raises BadClip with a named reason.

Any sample rate, any number of channels, and all formats that libsndfile or FFmpeg reads are supported. What decodes
counts, never what a header announces: a clip is read whole, or it raises BadClip. libsndfile decodes unless it cannot
read a file, or would not read the length that the file's packets have; then FFmpeg does.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import numpy as np

from ..protocol import Wave
from .bad_clip import BadClip, incomplete
from .containers import repaired
from .ffmpeg_audio import FfmpegClip, packets_of
from .flac_info import verified
from .mix_down import in_full_scale, mix_down
from .mp3_frames import mp3_counts_frames
from .sndfile_audio import Samples, SndfileClip

__all__ = ["MIN_SECONDS", "BadClip", "duration_of", "resample", "wave_of"]

MIN_SECONDS = 0.02  # one frame at 50 frames per second; a shorter clip contains no speech
LEAST_SHARE = 0.5  # of a file's bytes that its packets must have, where a few bytes decide what format it is
UNKNOWN = 1 << 60  # samples; libsndfile's length of a file that does not tell it

Clip = SndfileClip | FfmpegClip


def duration_of(data: bytes) -> tuple[int, int]:
    """Measure the length of a clip without decoding it, by its packets or its size.

    Returns:
        (samples per channel, sample rate in Hz).

    Raises:
        BadClip: The file cannot be read (audio_undecodable) or is cut off (audio_incomplete).
    """
    clips = _open(data)
    rate = clips[0].rate
    return sum(clip.frames if clip.rate == rate else round(clip.frames * rate / clip.rate) for clip in clips), rate


def wave_of(data: bytes, sample_rate: int, max_seconds: float) -> Wave:
    """Decode a clip to mono.

    Args:
        data: Bytes of the audio file.
        sample_rate: Sample rate of the result, in Hz.
        max_seconds: Maximum length of the clip.

    Returns:
        (samples,) float32 in -1..1, mixed down and scaled as `mix_down` describes.

    Raises:
        BadClip: The clip cannot be decoded, or is incomplete, empty, too short, too long or not finite.
    """
    waves, seconds = [], 0.0
    for clip in _open(data):
        wave = mix_down(partial(_limited, clip, seconds, max_seconds))
        seconds += wave.size / clip.rate
        waves.append((in_full_scale(wave) if clip.is_float else wave, clip.rate))
    samples, first = sum(wave.size for wave, _ in waves), waves[0][1]
    if not samples:
        raise BadClip("audio_empty", "no samples")
    if seconds < MIN_SECONDS:
        raise BadClip("audio_too_short", f"{samples} samples at {first} Hz, under {MIN_SECONDS} s")
    if not all(np.isfinite(wave).all() for wave, _ in waves):
        raise BadClip("audio_not_finite", "NaN or infinite samples")
    whole: Wave = np.concatenate([resample(wave, rate, sample_rate) for wave, rate in waves])
    return np.clip(whole, -1, 1)


def resample(wave: Wave, rate: int, to: int) -> Wave:
    """Resample a wave with a windowed-sinc filter.

    Args:
        wave: (n,) samples.
        rate: Sample rate of `wave`, in Hz.
        to: Target sample rate, in Hz.

    Returns:
        ceil(n * to / rate) samples; the length may be slightly off when the ratio has to be approximated.
    """
    if rate == to or not wave.size:
        return wave
    # The filter grows with numerator and denominator of the ratio; an error of one in a million bounds its size.
    ratio = Fraction(to, rate).limit_denominator(1000)
    if not ratio:
        raise BadClip("audio_undecodable", f"a rate of {rate} Hz")
    import torch
    from torchaudio.functional import resample as sinc

    resampled: Wave = sinc(torch.from_numpy(wave), ratio.denominator, ratio.numerator).numpy()
    return resampled


def _open(data: bytes) -> list[Clip]:
    """Open a file; a chained Ogg stream has several clips, one after another. Raises BadClip."""
    return [_opened(part) for part in repaired(data)]


def _opened(data: bytes) -> Clip:
    try:
        clip = SndfileClip(data)
    except BadClip as unreadable:
        return _by_ffmpeg(data, unreadable)
    if data.startswith(b"RIFF"):  # checked by its structure
        return clip
    try:
        packets = packets_of(data)
    except BadClip:
        if clip.frames >= UNKNOWN:
            raise
        return clip  # of a format that libsndfile alone reads
    packets.check()
    guess = clip.kind == "MP3" and not mp3_counts_frames(data)
    missing = packets.seconds - clip.frames / clip.rate
    if missing > packets.slack or (clip.kind != "MP3" and missing < -packets.slack):
        return FfmpegClip(data, packets)
    if missing < -packets.slack and not guess:
        raise incomplete(clip.frames / clip.rate, packets.seconds)
    if guess:  # libsndfile reads as far as its guess from the bit rate, which is far enough
        clip.frames = min(clip.frames, round(packets.seconds * clip.rate))
    clip.slack = packets.slack
    return clip


def _by_ffmpeg(data: bytes, unreadable: BadClip) -> FfmpegClip:
    try:
        packets = packets_of(data)
    except BadClip:
        raise unreadable from None
    if packets.estimated and packets.share < LEAST_SHARE:
        raise unreadable
    packets.check()
    return FfmpegClip(data, packets)


def _limited(clip: Clip, before: float, most: float) -> Iterator[Samples]:
    """Yield the blocks of a clip; raises BadClip (audio_too_long) when all clips so far exceed `most` seconds."""
    samples = 0
    for block in verified(clip.data, clip.blocks()):
        samples += len(block)
        if samples > int((most - before) * clip.rate):
            raise BadClip("audio_too_long", f"longer than {most:g} s at {clip.rate} Hz")
        yield block
