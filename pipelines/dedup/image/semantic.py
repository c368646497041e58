"""Near duplicates among pictures by what they show: CLIP vectors, brought together by random hyperplanes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....schemas.config.dedup import SemanticImage
from ....tokenizers.image.clip_model import ClipModel, find_clip, load_clip
from ....tokenizers.image.picture import BadPicture, whole
from ....tokenizers.protocol import Pixels
from ..mixing import mix
from ..protocol import Ints, Keyed, Keys
from ..signature import judged, pack, unpack
from .hamming import BITS, hamming_pairs
from .near import LEAST_CONTRAST

SEMANTIC_VERSION = 1
SEED = 20211
KEY_BITS = 16
LEAST_RECALL = 0.99  # of pairs at the threshold
SKETCH_SIGMAS = 4.0
BATCH = 32  # pictures decoded and embedded together

Vectors = npt.NDArray[np.float64]


def tables_of(threshold: float) -> int:
    """How many keys of KEY_BITS a vector needs for pairs at a cosine to share one with a chance of LEAST_RECALL.

    A random hyperplane separates vectors at an angle t with a chance of t / pi (Charikar 2002, Similarity estimation
    techniques from rounding algorithms).
    """
    agree = (1 - math.acos(threshold) / math.pi) ** KEY_BITS
    return math.ceil(math.log(1 - LEAST_RECALL) / math.log1p(-agree))


def sketch_radius(threshold: float) -> int:
    """Bits in which the sketches of vectors at a cosine may differ: the mean and some standard deviations."""
    apart = math.acos(threshold) / math.pi
    return math.ceil(BITS * apart + SKETCH_SIGMAS * math.sqrt(BITS * apart * (1 - apart)))


@dataclass(frozen=True)
class SemanticNear:
    """Pictures whose CLIP vectors have a cosine of at least the threshold.

    A signature is the vector in half precision. It is null for what cannot be opened and for pictures of one colour,
    which are all the same to CLIP.
    """

    config: SemanticImage
    max_pixels: int
    column: str = "image"

    def identity(self) -> list[Any]:
        """Version, model by content, threshold, limit."""
        model = find_clip(self.config.model, self.config.path).fingerprint
        return [SEMANTIC_VERSION, model, self.config.threshold, self.max_pixels]

    def report(self) -> dict[str, Any]:
        """Model and threshold, and the keys that follow from it; not where the weights lie."""
        settings = self.config.model_dump(exclude={"path"})
        return {"near": "clip", **settings, "keys": tables_of(self.config.threshold), "key_bits": KEY_BITS}

    def sign(self, values: pa.ChunkedArray) -> pa.FixedSizeBinaryArray:
        """A unit vector a picture, in batches of what opens, in order."""
        model = load_clip(self.config.model, self.config.path)
        vectors = np.zeros((len(values), model.width), np.float16)
        valid = np.zeros(len(values), bool)
        pictures: list[Pixels] = []
        rows: list[int] = []
        for row, value in enumerate(values):
            try:
                picture = whole(value.as_py(), model.pixels, self.max_pixels)
            except BadPicture:
                continue
            if picture.reshape(-1, 3).std(axis=0).max() >= LEAST_CONTRAST:
                pictures.append(picture)
                rows.append(row)
            if len(rows) == BATCH:
                vectors[rows], valid[rows] = _embedded(model, pictures), True
                pictures, rows = [], []
        if rows:
            vectors[rows], valid[rows] = _embedded(model, pictures), True
        return pack(vectors, valid)

    def keys(self, signatures: pa.FixedSizeBinaryArray) -> Keyed:
        """Keys of KEY_BITS hyperplanes each; the sketch is the sides of BITS others."""
        vectors = _vectors(signatures)
        tables = tables_of(self.config.threshold)
        sides = vectors @ _hyperplanes(vectors.shape[1], tables * KEY_BITS + BITS) > 0
        sketch = np.packbits(sides[:, :BITS], axis=1).view(">u8").ravel().astype(np.uint64)
        parts = np.packbits(sides[:, BITS:], axis=1).view(">u2").reshape(-1, tables).astype(np.uint64)
        owner = np.repeat(np.arange(len(vectors)), tables)
        return Keyed(owner, mix(parts | (np.arange(tables, dtype=np.uint64) << np.uint64(32))).ravel(), sketch[owner])

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Entries that share a key and whose sketches are as near as the threshold has it."""
        return hamming_pairs(key, sketch, sketch_radius(self.config.threshold))

    def alike(self, left: pa.FixedSizeBinaryArray, right: pa.FixedSizeBinaryArray) -> npt.NDArray[np.bool_]:
        """Whether the cosine reaches the threshold."""
        return judged(self._alike, left, right)

    def _alike(self, left: pa.FixedSizeBinaryArray, right: pa.FixedSizeBinaryArray) -> npt.NDArray[np.bool_]:
        ours, theirs = _vectors(left), _vectors(right)
        cosines = (ours * theirs).sum(1) / np.sqrt((ours**2).sum(1) * (theirs**2).sum(1))
        return np.asarray(cosines >= self.config.threshold)


def _embedded(model: ClipModel, pictures: list[Pixels]) -> npt.NDArray[np.float16]:
    return model.embed_images(pictures).astype(np.float16)


def _vectors(signatures: pa.FixedSizeBinaryArray) -> Vectors:
    return np.asarray(unpack(signatures, np.float16), np.float64)


def _hyperplanes(width: int, count: int) -> Vectors:
    """(width, count) of 1 and -1: with them, sums of half-precision numbers are exact in any order."""
    words = np.random.Philox(key=SEED).random_raw(-(-width * count // BITS)).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8))[: width * count]
    return np.asarray(bits.reshape(width, count) * 2.0 - 1.0, np.float64)
