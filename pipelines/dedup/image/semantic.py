"""Near-duplicate images by content: CLIP embeddings, with keys from random hyperplanes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....schemas.config.dedup import SemanticImage
from ....schemas.hashing import mix64
from ....schemas.vocabulary import Modality
from ....tokenizers.decoding import decoding_identity
from ....tokenizers.image.clip_model import ClipModel, find_clip, load_clip
from ....tokenizers.image.decode_picture import BadPicture, uncropped
from ....tokenizers.protocol import Pixels
from ..protocol import Ints, Keyed, Keys
from ..signature import compare_in_batches, pack, unpack
from .hamming import BITS, hamming_pairs
from .near import LEAST_CONTRAST

SEMANTIC_VERSION = 1
SEED = 20211
KEY_BITS = 16
LEAST_RECALL = 0.99  # probability that a pair at the threshold shares a key
SKETCH_SIGMAS = 4.0
BATCH = 32  # images decoded and embedded together

Vectors = npt.NDArray[np.float64]


def tables_of(threshold: float) -> int:
    """Return how many keys of KEY_BITS are needed for a recall of LEAST_RECALL at a cosine of `threshold`.

    A random hyperplane separates vectors at an angle t with probability t / pi (Charikar 2002, "Similarity estimation
    techniques from rounding algorithms").
    """
    agree = (1 - math.acos(threshold) / math.pi) ** KEY_BITS
    return math.ceil(math.log(1 - LEAST_RECALL) / math.log1p(-agree))


def sketch_radius(threshold: float) -> int:
    """Return in how many bits sketches may differ at a cosine of `threshold`: mean plus SKETCH_SIGMAS deviations."""
    apart = math.acos(threshold) / math.pi
    return math.ceil(BITS * apart + SKETCH_SIGMAS * math.sqrt(BITS * apart * (1 - apart)))


@dataclass(frozen=True)
class SemanticNear:
    """Near-duplicate method for images: CLIP embeddings with a cosine of at least the threshold.

    A signature is the embedding in half precision. It is null for a file that cannot be decoded and for an image of one
    colour, since all of these have almost the same embedding.
    """

    config: SemanticImage
    max_pixels: int
    column: str = "image"

    def identity(self) -> list[Any]:
        """Version, fingerprint of the model, threshold, limit and decoders."""
        model = find_clip(self.config.model, self.config.path).fingerprint
        return [SEMANTIC_VERSION, model, self.config.threshold, self.max_pixels, *decoding_identity(Modality.IMAGE)]

    def report(self) -> dict[str, Any]:
        """Model and threshold, and the keys that follow from it, for the manifest; without the path of the weights."""
        settings = self.config.model_dump(exclude={"path"})
        return {"near": "clip", **settings, "keys": tables_of(self.config.threshold), "key_bits": KEY_BITS}

    def sign(self, values: pa.ChunkedArray) -> pa.FixedSizeBinaryArray:
        """Return one unit vector per image; images that can be decoded are embedded in batches, in order."""
        model = load_clip(self.config.model, self.config.path)
        vectors = np.zeros((len(values), model.width), np.float16)
        valid = np.zeros(len(values), bool)
        pictures: list[Pixels] = []
        rows: list[int] = []
        for row, value in enumerate(values):
            try:
                picture = uncropped(value.as_py(), model.pixels, self.max_pixels)
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
        """Return keys from KEY_BITS hyperplanes each; the sketch has the bits of BITS other hyperplanes."""
        vectors = _vectors(signatures)
        tables = tables_of(self.config.threshold)
        sides = vectors @ _hyperplanes(vectors.shape[1], tables * KEY_BITS + BITS) > 0
        sketch = np.packbits(sides[:, :BITS], axis=1).view(">u8").ravel().astype(np.uint64)
        parts = np.packbits(sides[:, BITS:], axis=1).view(">u2").reshape(-1, tables).astype(np.uint64)
        owner = np.repeat(np.arange(len(vectors)), tables)
        return Keyed(owner, mix64(parts | (np.arange(tables, dtype=np.uint64) << np.uint64(32))).ravel(), sketch[owner])

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Return entries that share a key and whose sketches are as close as the threshold implies."""
        return hamming_pairs(key, sketch, sketch_radius(self.config.threshold))

    def alike(self, left: pa.FixedSizeBinaryArray, right: pa.FixedSizeBinaryArray) -> npt.NDArray[np.bool_]:
        """True where the cosine reaches the threshold."""
        return compare_in_batches(self._alike, left, right)

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
