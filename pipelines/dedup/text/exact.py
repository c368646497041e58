"""Exact duplicates of texts: equal after normalisation of Unicode form, case and white space."""

import pyarrow as pa
import xxhash

from ....schemas.config.dedup import TextDedup
from .fold import blocks, fold


def text_keys(values: pa.ChunkedArray, config: TextDedup) -> pa.FixedSizeBinaryArray:
    """Return the xxh3-128 of each text in NFC, with case and white space folded as configured; 16 bytes each."""
    digests: list[bytes] = []
    for block in blocks(values):
        folded = fold(block, case=config.fold_case, space=config.fold_space).cast(pa.large_binary())
        digests += [xxhash.xxh3_128_digest(text) for text in folded.to_pylist()]
    return pa.array(digests, pa.binary(16))
