"""Near-duplicate clips by acoustic fingerprints: one recording at another loudness, rate or bit rate, noisy, or cut.

Two recordings of the same words are no duplicates, nor is a clip one of a longer clip that it is a part of: at either
end of what two duplicates have in common, each may have 0.6 s of sound more, for which a cut of half a second is meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....tokenizers.audio.clip import BadClip, wave_of
from ..protocol import Keyed, Keys, window_pairs
from .align import ALIKE, EDGE, SPAN, Prints, agreements, anchors_of, products
from .fingerprint import FRAMES_A_SECOND, RATE, Codes, Ints, codes_of

FINGERPRINT_VERSION = 1
# Frames that sound, 0.4 s. Less says too little: two takes of a digit by one speaker can agree as well as copies do.
LEAST_FRAMES = 50
AROUND = 8  # frames from an anchor to those that its sketch holds, before and after it
ALIKE_AROUND = 0.5  # agreement of sketches
PIECE = 1 << 20  # codes or sketches compared at a time


@dataclass(frozen=True)
class Fingerprint:
    """Clips whose fingerprints agree; the `Near` of clips.

    A signature is a list<uint32>, a code a frame of 8 ms: 500 bytes a second of sound. It is null for a clip that does
    not decode, is longer than `max_seconds`, is silent, or has less than 0.4 s of sound: exact duplicates are all that
    can be said of those. A clip has at most 24 keys and 4 more a second, so a million clips of 5 s have 44 million.
    """

    max_seconds: float

    @property
    def column(self) -> str:
        """Clips."""
        return "audio"

    def identity(self) -> list[Any]:
        """Version, and how long a clip may be."""
        return [FINGERPRINT_VERSION, self.max_seconds]

    def report(self) -> dict[str, Any]:
        """The thresholds."""
        return {
            "near": "fingerprint",
            "agreement": ALIKE,
            "least_seconds": LEAST_FRAMES / FRAMES_A_SECOND,
            "cut_seconds": EDGE / FRAMES_A_SECOND,
        }

    def sign(self, values: pa.ChunkedArray) -> pa.ListArray:
        """A fingerprint a clip."""
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
        """A key an anchor; its sketch is what sounds just before and just after it."""
        prints = prints_of(signatures)
        anchors = anchors_of(prints)
        before = _code_at(prints, anchors.owner, anchors.frame - AROUND)
        after = _code_at(prints, anchors.owner, anchors.frame + SPAN + AROUND)
        return Keyed(anchors.owner, anchors.key, before.astype(np.uint64) << np.uint64(32) | after)

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Entries of a key whose sketches agree, as far as both say anything."""
        left, right = window_pairs(key)
        likely = [
            _sketches_agree(sketch[left[start : start + PIECE]], sketch[right[start : start + PIECE]])
            for start in range(0, len(left), PIECE)
        ]
        kept = np.concatenate([np.empty(0, bool), *likely])
        return left[kept], right[kept]

    def alike(self, left: pa.ListArray, right: pa.ListArray) -> npt.NDArray[np.bool_]:
        """Whether fingerprints, laid on each other by the anchors that they share, are of one recording."""
        found = [agreements(prints_of(ours), prints_of(theirs)) for ours, theirs in _pieces(left, right)]
        return np.concatenate([np.empty(0), *found]) >= ALIKE


def _sketches_agree(ours: Keys, theirs: Keys) -> npt.NDArray[np.bool_]:
    agreement, square, other = (
        part.sum(axis=1) for part in products(*(side.view(np.uint32).reshape(-1, 2) for side in (ours, theirs)))
    )
    return np.asarray(agreement >= ALIKE_AROUND * np.sqrt(square * other))


def prints_of(signatures: pa.ListArray) -> Prints:
    """What `align` compares, of signatures none of which is null."""
    lengths = pc.list_value_length(signatures).to_numpy()
    return Prints(signatures.flatten().to_numpy(), np.r_[0, np.cumsum(lengths, dtype=np.int64)])


def _pieces(left: pa.ListArray, right: pa.ListArray) -> Iterator[tuple[pa.ListArray, pa.ListArray]]:
    """The same pairs in pieces of about PIECE codes."""
    lengths = sum(pc.list_value_length(side).to_numpy().astype(np.int64) for side in (left, right))
    number = np.cumsum(lengths) // PIECE
    cuts = np.unique(np.r_[0, np.flatnonzero(np.diff(number)) + 1, len(left)])
    for start, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        yield left.slice(start, end - start), right.slice(start, end - start)


def _code_at(prints: Prints, owner: Ints, frame: Ints) -> Codes:
    """The code of a frame of each owner, 0 where it has none there."""
    inside = (frame >= 0) & (frame < prints.lengths[owner])
    return np.where(inside, prints.codes[prints.starts[owner] + np.where(inside, frame, 0)], 0)
