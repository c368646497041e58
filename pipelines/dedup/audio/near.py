"""Near-duplicate clips by acoustic fingerprints: copies with another loudness, rate, bit rate, noise or cut.

Two recordings of the same words are not duplicates, and a clip is not a duplicate of a longer clip that contains it: at
either end of the part that two duplicates share, each may have at most 0.6 s more sound, which allows for cuts of half
a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....schemas.vocabulary import Modality
from ....tokenizers.audio.decode_clip import BadClip, wave_of
from ....tokenizers.decoding import decoding_identity
from ..protocol import Keyed, Keys, window_pairs
from .align import ALIKE, EDGE, SPAN, Prints, agreements, anchors_of, products
from .fingerprint import FRAMES_A_SECOND, RATE, Codes, Ints, codes_of

FINGERPRINT_VERSION = 1
# Frames with sound, 0.4 s. Shorter clips are not distinctive: two takes of a digit by one speaker may agree as well as
# copies do.
LEAST_FRAMES = 50
AROUND = 8  # distance in frames from an anchor to the frames before and after it that form its sketch
ALIKE_AROUND = 0.5  # minimum agreement of sketches
PIECE = 1 << 20  # codes or sketches compared at a time


@dataclass(frozen=True)
class Fingerprint:
    """Near-duplicate method for clips: fingerprints that agree.

    A signature is a list<uint32>, one code per frame of 8 ms: 500 bytes per second of sound. It is null for a clip that
    does not decode, exceeds `max_seconds`, is silent, or has less than 0.4 s of sound; only exact duplicates of such
    clips are found. A clip has at most 24 keys and 4 more per second, so a million clips of 5 s have 44 million keys.
    """

    max_seconds: float

    @property
    def column(self) -> str:
        """Name of the compared column."""
        return "audio"

    def identity(self) -> list[Any]:
        """Version, maximum length of a clip, and decoders."""
        return [FINGERPRINT_VERSION, self.max_seconds, *decoding_identity(Modality.AUDIO)]

    def report(self) -> dict[str, Any]:
        """Thresholds, for the manifest."""
        return {
            "near": "fingerprint",
            "agreement": ALIKE,
            "least_seconds": LEAST_FRAMES / FRAMES_A_SECOND,
            "cut_seconds": EDGE / FRAMES_A_SECOND,
        }

    def sign(self, values: pa.ChunkedArray) -> pa.ListArray:
        """Return one fingerprint per clip."""
        prints = [self._print(value.as_py()) for value in values]
        starts = np.r_[0, np.cumsum([len(codes) for codes in prints])].astype(np.int32)
        nothing = pa.array([not len(codes) for codes in prints], pa.bool_())
        flat = np.concatenate(prints) if prints else np.empty(0, np.uint32)
        return pa.ListArray.from_arrays(pa.array(starts), pa.array(flat), mask=nothing)

    def _print(self, data: bytes | None) -> Codes:
        try:
            codes = codes_of(wave_of(data or b"", RATE, self.max_seconds))
        except BadClip:
            return np.empty(0, np.uint32)
        return codes if np.count_nonzero(codes) >= LEAST_FRAMES else codes[:0]

    def keys(self, signatures: pa.ListArray) -> Keyed:
        """Return one key per anchor; its sketch holds the codes just before and after the anchor."""
        prints = prints_of(signatures)
        anchors = anchors_of(prints)
        before = _code_at(prints, anchors.owner, anchors.frame - AROUND)
        after = _code_at(prints, anchors.owner, anchors.frame + SPAN + AROUND)
        return Keyed(anchors.owner, anchors.key, before.astype(np.uint64) << np.uint64(32) | after)

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Return entries of a key whose sketches agree in the bits that are reliable in both."""
        left, right = window_pairs(key)
        likely = [
            _sketches_agree(sketch[left[start : start + PIECE]], sketch[right[start : start + PIECE]])
            for start in range(0, len(left), PIECE)
        ]
        kept = np.concatenate([np.empty(0, bool), *likely])
        return left[kept], right[kept]

    def alike(self, left: pa.ListArray, right: pa.ListArray) -> npt.NDArray[np.bool_]:
        """True where fingerprints, aligned by shared anchors, belong to the same recording."""
        found = [agreements(prints_of(ours), prints_of(theirs)) for ours, theirs in _pieces(left, right)]
        return np.concatenate([np.empty(0), *found]) >= ALIKE


def _sketches_agree(ours: Keys, theirs: Keys) -> npt.NDArray[np.bool_]:
    agreement, square, other = (
        part.sum(axis=1) for part in products(*(side.view(np.uint32).reshape(-1, 2) for side in (ours, theirs)))
    )
    return np.asarray(agreement >= ALIKE_AROUND * np.sqrt(square * other))


def prints_of(signatures: pa.ListArray) -> Prints:
    """Convert signatures without nulls to the form that `align` compares."""
    lengths = pc.list_value_length(signatures).to_numpy()
    return Prints(signatures.flatten().to_numpy(), np.r_[0, np.cumsum(lengths, dtype=np.int64)])


def _pieces(left: pa.ListArray, right: pa.ListArray) -> Iterator[tuple[pa.ListArray, pa.ListArray]]:
    """Split pairs into pieces of about PIECE codes."""
    lengths = sum(pc.list_value_length(side).to_numpy().astype(np.int64) for side in (left, right))
    number = np.cumsum(lengths) // PIECE
    cuts = np.unique(np.r_[0, np.flatnonzero(np.diff(number)) + 1, len(left)])
    for start, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        yield left.slice(start, end - start), right.slice(start, end - start)


def _code_at(prints: Prints, owner: Ints, frame: Ints) -> Codes:
    """Return the code of one frame of each owner; 0 for a frame outside of its fingerprint."""
    inside = (frame >= 0) & (frame < prints.lengths[owner])
    return np.where(inside, prints.codes[prints.starts[owner] + np.where(inside, frame, 0)], 0)
