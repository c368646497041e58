"""Exact duplicates of clips: equal decoded samples, whatever the container, tags or lossless compression."""

import numpy as np
import pyarrow as pa
import xxhash

from ....tokenizers.audio.decode_clip import BadClip, wave_of

RATE = 16000
FULL_SCALE = 1 << 15


def audio_keys(values: pa.ChunkedArray, max_seconds: float) -> tuple[pa.FixedSizeBinaryArray, pa.Int64Array]:
    """Hash clips as mono 16-bit samples at 16 kHz.

    Returns:
        (n,) xxh3-128 and (n,) number of samples; null and 0 for clips that do not decode or exceed `max_seconds`.
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
