"""Clips that are the same once they are decoded: the container, its tags and lossless compression have no say."""

import numpy as np
import pyarrow as pa
import xxhash

from ....tokenizers.audio.clip import BadClip, wave_of

RATE = 16000
FULL_SCALE = 1 << 15


def audio_keys(values: pa.ChunkedArray, max_seconds: float) -> tuple[pa.FixedSizeBinaryArray, pa.Int64Array]:
    """xxh3-128 of each clip as mono samples of 16 bits at 16 kHz, and their number.

    Clips that do not decode, or are longer than `max_seconds`, have a null key and no samples.
    """
    keys: list[bytes | None] = []
    sizes: list[int] = []
    for value in values:
        try:
            wave = wave_of(value.as_py() or b"", RATE, max_seconds)
        except BadClip:
            wave = np.empty(0, np.float32)
        samples = np.clip(np.rint(wave * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
        keys.append(xxhash.xxh3_128_digest(samples.tobytes()) if len(samples) else None)
        sizes.append(len(samples))
    return pa.array(keys, pa.binary(16)), pa.array(sizes, pa.int64())
