"""Near-duplicate texts by MinHash: signatures of shingles, bands as keys, share of equal numbers as test.

Broder, "On the resemblance and containment of documents", 1997 (https://doi.org/10.1109/SEQUEN.1997.666900): the
similarity of two texts is the number of shingles in both divided by the number in either (Jaccard similarity).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....schemas.config.dedup import NearText
from ....schemas.hashing import GOLDEN, mix64
from ..protocol import Keyed, Keys, window_pairs
from .bands import bands_of, s_curve
from .fold import Ints, blocks
from .shingles import shingles
from .sketch import Signatures, sketch

MINHASH_VERSION = 1


@dataclass(frozen=True)
class MinHash:
    """Near-duplicate method for texts: an estimated Jaccard similarity of their shingles of at least the threshold.

    A signature is a FixedSizeList<uint32>[permutations], null for a text without words. Besides its result, `sign`
    needs some tens of megabytes, or about 20 bytes per byte of the longest text.
    """

    config: NearText

    @property
    def column(self) -> str:
        """Name of the compared column."""
        return "text"

    @property
    def bands(self) -> tuple[int, int]:
        """(bands, rows) into which a signature is divided."""
        return bands_of(self.config.threshold, self.config.permutations)

    def identity(self) -> list[Any]:
        """Version, settings and what is derived from them."""
        return [MINHASH_VERSION, self.config.identity_body(), self.bands]

    def report(self) -> dict[str, Any]:
        """Settings, bands, and the probability to become a candidate by similarity, for the manifest."""
        bands, rows = self.bands
        chances = {f"{similarity:.2f}": round(share, 6) for similarity, share in s_curve(bands, rows)}
        return {"near": "minhash", **self.config.model_dump(), "bands": bands, "rows": rows, "candidates": chances}

    def sign(self, values: pa.ChunkedArray) -> pa.FixedSizeListArray:
        """Return one signature per text."""
        width = self.config.permutations
        signed = [self._sign(block) for block in blocks(values)]
        return pa.concat_arrays(signed) if signed else pa.array([], pa.list_(pa.uint32(), width))

    def _sign(self, block: pa.StringArray) -> pa.FixedSizeListArray:
        offsets, hashes = shingles(block, self.config.words)
        numbers = pa.array(sketch(offsets, hashes, self.config.permutations).ravel())
        empty = pa.array(np.diff(offsets) == 0)
        return pa.FixedSizeListArray.from_arrays(numbers, self.config.permutations, mask=empty)

    def keys(self, signatures: pa.FixedSizeListArray) -> Keyed:
        """Return one key per band: a hash of the band's number and of the numbers in it."""
        bands, rows = self.bands
        rest = self._matrix(signatures)[:, : bands * rows].reshape(-1, bands, rows)
        key = np.broadcast_to(np.arange(bands, dtype=np.uint64), rest.shape[:2])
        for row in range(rows):
            key = mix64(key * np.uint64(GOLDEN) + rest[:, :, row])
        return Keyed(np.repeat(np.arange(len(rest)), bands), key.ravel(), np.zeros(key.size, np.uint64))

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Return all pairs of entries of a key; in large groups each with the first entry and the next ones."""
        return window_pairs(key)

    def alike(self, left: pa.FixedSizeListArray, right: pa.FixedSizeListArray) -> npt.NDArray[np.bool_]:
        """True where the share of equal numbers, which estimates the Jaccard similarity, reaches the threshold."""
        agreement = (self._matrix(left) == self._matrix(right)).mean(axis=1)
        return np.asarray(agreement >= self.config.threshold)

    def _matrix(self, signatures: pa.FixedSizeListArray) -> Signatures:
        """Reshape to (signatures, permutations)."""
        return np.asarray(signatures.flatten().to_numpy().reshape(-1, self.config.permutations))
