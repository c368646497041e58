"""Speech of the demo: short phrases in several voices, synthesized by espeak-ng."""

import io
import random
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile as sf
from numpy.typing import NDArray

from .espeak import SAMPLE_RATE, Utterance, speak

RATE = 16_000
CLIPS = 720
LONGEST = 2.3  # seconds: 460 tokens at 200 per second, which leaves room for the text in a row of 512
SILENCE = 100  # of 32,767; the pauses of espeak-ng are quieter

# few, because the demo has minutes to learn them; a small speech recognizer has the fewest errors on these
ACCENTS = ("en-us", "en")
SPEAKERS = ("", "+f2")
RATES = (120, 140)
PITCHES = (50,)

NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
COLOURS = ("red", "blue", "green", "yellow", "black", "white", "brown", "purple")
THINGS = ("apple", "boat", "candle", "door", "flower", "garden", "hammer", "kite", "ladder", "moon", "pencil", "window")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WORDS = (*NUMBERS, *COLOURS, *THINGS, *DAYS)
ALONE = 0.85  # share of the clips with a single word


def write_speech(path: Path, *, seed: int = 0, clips: int = CLIPS) -> int:
    """Write a Parquet file with columns `audio` (FLAC, mono, 16 kHz) and `text`.

    Utterances longer than LONGEST are left out. The bytes depend only on the seed and the libraries. Returns the number
    of rows: at most `clips`. Raises Refusal if espeak-ng does not work.
    """
    utterances = plan(seed, clips)
    waves = synthesize(utterances)
    kept = [(one.text, wave) for one, wave in zip(utterances, waves, strict=True) if 0 < len(wave) <= LONGEST * RATE]
    columns = {"audio": [_flac(samples) for _, samples in kept], "text": [text for text, _ in kept]}
    table = pa.table(columns, pa.schema({"audio": pa.binary(), "text": pa.string()}))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=64)
    return len(kept)


def synthesize(utterances: Sequence[Utterance]) -> list[NDArray[np.float32]]:
    """Waveforms at RATE in -1..1 without surrounding silence; empty for an utterance without sound."""
    return _resampled([_trimmed(wave) for wave in speak(utterances)])


def plan(seed: int, clips: int) -> list[Utterance]:
    """`clips` phrases, each with a random voice, rate and pitch."""
    rng = random.Random(f"speech {seed}")
    phrases = _phrases(rng)
    return [
        Utterance(next(phrases), rng.choice(ACCENTS) + rng.choice(SPEAKERS), rng.choice(RATES), rng.choice(PITCHES))
        for _ in range(clips)
    ]


def _phrases(rng: random.Random) -> Iterator[str]:
    """Words alone and pairs of words, each as often as the others: one that is rare is not learned."""
    words = _dealt(WORDS, rng)
    pairs = _dealt([f"{colour} {thing}" for colour, thing in product(COLOURS, THINGS)], rng)
    while True:
        yield next(words if rng.random() < ALONE else pairs)


def _dealt(items: Sequence[str], rng: random.Random) -> Iterator[str]:
    """All items in a random order, and again."""
    while True:
        yield from rng.sample(items, len(items))


def voiced(words: Sequence[str]) -> list[Utterance]:
    """Every word in every voice of the corpus."""
    voices = product(ACCENTS, SPEAKERS, RATES, PITCHES)
    return [Utterance(word, accent + speaker, rate, pitch) for accent, speaker, rate, pitch in voices for word in words]


def _trimmed(wave: NDArray[np.int16]) -> NDArray[np.int16]:
    """Samples from 20 ms before the first sound to 60 ms after the last."""
    loud = np.flatnonzero(np.abs(wave.astype(np.int32)) > SILENCE)
    if not len(loud):
        return wave[:0]
    return wave[max(loud[0] - SAMPLE_RATE // 50, 0) : loud[-1] + SAMPLE_RATE * 3 // 50]


def _resampled(waves: list[NDArray[np.int16]]) -> list[NDArray[np.float32]]:
    """The waves at RATE, in -1..1; in one call, because starting torch's threads costs more than a short clip."""
    import torch
    from torchaudio.functional import resample

    padded = np.zeros((len(waves), max(len(wave) for wave in waves)), np.float32)
    for row, wave in zip(padded, waves, strict=True):
        row[: len(wave)] = wave / np.float32(32_768)
    resampled = resample(torch.from_numpy(padded), SAMPLE_RATE, RATE).numpy()
    return [row[: len(wave) * RATE // SAMPLE_RATE] for row, wave in zip(resampled, waves, strict=True)]


def _flac(samples: NDArray[np.float32]) -> bytes:
    """A FLAC file at RATE."""
    file = io.BytesIO()
    sf.write(file, samples, RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()
