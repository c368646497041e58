"""Audio filters. They ignore clips that cannot be decoded, which another stage drops with its own reason.

Each is a function of its config, a RAW table and the run's limits; it yields the rows to drop, with a detail for the
ledger.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.filters.audio import Clipping, Duration, Silence, TranscriptRate
from ...schemas.config.run import Limits
from ...tokenizers.audio.decode_clip import MIN_SECONDS, BadClip, duration_of, wave_of
from ...tokenizers.protocol import Wave
from .text import RowsToDrop

FULL_SCALE = 0.99  # 8-bit samples reach at most 0.992


def duration(config: Duration, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by the duration, which is measured without decoding."""
    for row, seconds in _seconds(table):
        yield from _outside(row, seconds, config.bounds, "s")


def silence(config: Silence, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by the share of silent 20 ms frames; levels are RMS relative to a square wave at full scale."""
    for row, wave, rate in _waves(table, limits):
        size = max(int(MIN_SECONDS * rate), 1)
        power = np.square(wave[: len(wave) // size * size].reshape(-1, size)).mean(axis=1)
        share = float((power < 10 ** (config.threshold_db / 10)).mean())
        if share > config.max_share:
            yield row, f"{share:.2f} of the frames are silent, more than {config.max_share:g}"


def clipping(config: Clipping, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by the share of clipped samples at the recording's rate; channels count when all are at full scale."""
    for row, wave, _ in _waves(table, limits):
        share = float((np.abs(wave) >= FULL_SCALE).mean())
        if share > config.max_share:
            yield row, f"{share:.4f} of the samples are at full scale, more than {config.max_share:g}"


def transcript_rate(config: TranscriptRate, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by text characters per second of the whole clip, including pauses; white space at the ends is ignored.

    NeMo Curator's documentation gives 8 to 25 as natural; LJSpeech's English has 11.6 to 19.5. Scripts differ: speech
    has five to eight syllables per second in every language (Pellegrino et al., "A cross-language perspective on speech
    information rate", Language 87, 2011), and where Chinese needs one character, English needs two or three.
    """
    lengths = pc.utf8_length(pc.utf8_trim_whitespace(table["text"])).to_numpy()
    for row, seconds in _seconds(table):
        if seconds > 0:
            yield from _outside(row, lengths[row] / seconds, config.bounds, "characters a second")


def _outside(row: int, value: float, bounds: tuple[float | None, float | None], what: str) -> RowsToDrop:
    least, most = bounds
    if least is not None and value < least:
        yield row, f"{value:.2f} {what}, less than {least:g}"
    if most is not None and value > most:
        yield row, f"{value:.2f} {what}, more than {most:g}"


def _seconds(table: pa.Table) -> Iterator[tuple[int, float]]:
    """Yield (row, seconds) of every clip that can be measured."""
    for row, value in enumerate(table["audio"]):
        try:
            frames, rate = duration_of(value.as_py())
        except BadClip:
            continue
        yield row, frames / rate


def _waves(table: pa.Table, limits: Limits) -> Iterator[tuple[int, Wave, int]]:
    """Yield (row, wave, rate) of every clip that can be decoded, at its own sample rate."""
    for row, value in enumerate(table["audio"]):
        data = value.as_py()
        try:
            _, rate = duration_of(data)
            wave = wave_of(data, rate, limits.seconds)
        except BadClip:
            continue
        yield row, wave, rate
