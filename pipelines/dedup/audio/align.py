"""Compares fingerprints: aligns two fingerprints in time and measures how well they agree.

An *anchor* is a pair of frames, a little apart, in which almost all bits are reliable. Copies of a recording share most
of their anchors, at a constant distance in time. This is how Wang, "An Industrial-Strength Audio Search Algorithm"
(ISMIR 2003), finds alignments; as in that paper, a rare hash needs two frames.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....schemas.hashing import mix64
from ..protocol import Keys
from .fingerprint import BITS, FRAMES_A_SECOND, Codes, Ints

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SPAN = 12  # frames between the two frames of an anchor, which then do not overlap
ANCHORS, ANCHORS_A_SECOND = 24, 4  # anchors kept per clip: a constant, plus a number for every second
OFFSETS = 4  # alignments tried per pair

# copies have at least this agreement over all frames that they share (the maximum is 1),
ALIKE = 0.84
# and at least this in every block, since clips that begin alike and then differ are not copies
ALIKE_BLOCK = 0.5
BLOCK = FRAMES_A_SECOND // 2
FEW = 100  # bits; a block with fewer reliable bits in both fingerprints is a pause
# a fingerprint may have at most this many frames with sound beyond either end of the other,
EDGE = 75
OVERLAP = 1 / 3  # and the shared part must be at least this share of the longer one

HALF, LOW = np.uint32(BITS), np.uint32((1 << BITS) - 1)


@dataclass(frozen=True)
class Prints:
    """Concatenated fingerprints: number i is codes[starts[i] : starts[i + 1]]."""

    codes: Codes
    starts: Ints

    @property
    def lengths(self) -> Ints:
        """Number of frames of each fingerprint."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class Anchors:
    """Anchors of many fingerprints, ordered by fingerprint, the best anchors first."""

    owner: Ints  # index of the fingerprint
    key: Keys  # the bits of the two frames; unique within a fingerprint
    frame: Ints  # index of the first frame within the fingerprint


def anchors_of(prints: Prints) -> Anchors:
    """Choose the pairs of frames with the most reliable bits; a hash breaks ties, so that copies choose the same."""
    codes, owner = prints.codes, np.repeat(np.arange(len(prints.lengths)), prints.lengths)
    at = np.flatnonzero(owner[:-SPAN] == owner[SPAN:])
    score = _reliable(codes[at]) + _reliable(codes[at + SPAN])
    most = ANCHORS + ANCHORS_A_SECOND * prints.lengths // FRAMES_A_SECOND
    at = at[score >= _cutoffs(owner[at], score, most)[owner[at]]]
    owner, first, second = owner[at], codes[at], codes[at + SPAN]
    key = (first & LOW).astype(np.uint64) << np.uint64(BITS) | (second & LOW)
    order = np.lexsort((mix64(key), -_reliable(first) - _reliable(second), owner))
    at, owner, key = at[order], owner[order], key[order]
    order = np.lexsort((key, owner))  # stable: of two anchors with the same key the better one comes first
    once = np.sort(order[_starts(owner[order], key[order])])
    at, owner, key = at[once], owner[once], key[once]
    kept = _rank(owner) < most[owner]
    return Anchors(owner[kept], key[kept], (at - prints.starts[owner])[kept])


def _cutoffs(owner: Ints, score: Ints, most: Ints) -> Ints:
    """Return the score of each owner's last anchor among its `most` best.

    Anchors below it need not be sorted, which would be most of the work.
    """
    counts = np.bincount(owner * (2 * BITS + 1) + score, minlength=len(most) * (2 * BITS + 1))
    at_least = counts.reshape(-1, 2 * BITS + 1)[:, ::-1].cumsum(axis=1)
    return np.asarray(np.maximum((at_least >= most[:, None]).sum(axis=1) - 1, 0))


def agreements(left: Prints, right: Prints) -> Floats:
    """Measure how well fingerprint i of `left` and fingerprint i of `right` agree at their best alignment.

    Returns:
        (n,) agreement: 1 for copies, about 0 for unrelated clips; 0 if they share no anchor, a block does not agree, or
        one has too much sound that the other lacks.
    """
    pair, offset = _alignments(anchors_of(left), anchors_of(right))
    best = np.zeros(len(left.lengths))
    np.maximum.at(best, pair, _agreement(left, right, pair, offset))
    return best


def _alignments(left: Anchors, right: Anchors) -> tuple[Ints, Ints]:
    """Propose alignments.

    For each pair these are the OFFSETS that most anchors support, and their two neighbours, since a cut may fall
    between two frames.

    Returns:
        (pair, offset): frame f of the right fingerprint is aligned with frame f + offset of the left one.
    """
    owner, key = np.r_[left.owner, right.owner], np.r_[left.key, right.key]
    frame = np.r_[left.frame, right.frame]
    order = np.lexsort((key, owner))  # stable: of two anchors with the same key the left one comes first
    shared = np.flatnonzero(~_starts(owner[order], key[order]))
    pair, offset = owner[order][shared], frame[order][shared - 1] - frame[order][shared]
    order = np.lexsort((offset, pair))
    pair, offset = pair[order], offset[order]
    new = np.flatnonzero(_starts(pair, offset))
    votes = np.diff(np.r_[new, len(pair)])
    pair, offset = pair[new], offset[new]
    order = np.lexsort((offset, -votes, pair))
    order = order[_rank(pair[order]) < OFFSETS]
    return np.repeat(pair[order], 3), (offset[order][:, None] + [-1, 0, 1]).ravel()


def _agreement(left: Prints, right: Prints, pair: Ints, offset: Ints) -> Floats:
    """Agreement of each pair at an offset; 0 where it is not a valid alignment."""
    start_left, start_right = left.starts[pair] + np.maximum(offset, 0), right.starts[pair] + np.maximum(-offset, 0)
    length = np.minimum(left.starts[pair + 1] - start_left, right.starts[pair + 1] - start_right)
    at = np.flatnonzero(_reaches(left, right, pair, (start_left, start_right), length))
    agreement = np.zeros(len(pair))
    if not len(at):
        return agreement
    ours, theirs = left.codes[_ranges(start_left[at], length[at])], right.codes[_ranges(start_right[at], length[at])]
    blocks = np.maximum(length[at] // BLOCK, 1)  # the last block of a pair takes the remainder
    owner = np.repeat(np.arange(len(at)), blocks)
    starts = (np.cumsum(length[at]) - length[at])[owner] + BLOCK * _rank(owner)
    by_block = np.stack([np.add.reduceat(part, starts) for part in products(ours, theirs)])
    pairs = np.cumsum(blocks) - blocks
    paused = np.maximum(by_block[1], by_block[2]) < FEW
    worst = np.minimum.reduceat(np.where(paused, 1, _cosine(by_block)), pairs)
    agreement[at] = np.where(worst >= ALIKE_BLOCK, _cosine(np.add.reduceat(by_block, pairs, axis=1)), 0)
    return agreement


def _reaches(left: Prints, right: Prints, pair: Ints, starts: tuple[Ints, Ints], length: Ints) -> Bools:
    """True where little sound of either fingerprint lies outside the aligned part."""
    inside, whole, outside = [], [], []
    for prints, start in zip((left, right), starts, strict=True):
        sounds = np.r_[0, np.cumsum(prints.codes != 0)]
        first, last = sounds[prints.starts[pair]], sounds[prints.starts[pair + 1]]
        inside.append(sounds[start + length] - sounds[start])
        outside.append(np.maximum(sounds[start] - first, last - sounds[start + length]))
        whole.append(last - first)
    return np.asarray((np.maximum(*outside) <= EDGE) & (np.minimum(*inside) >= OVERLAP * np.maximum(*whole)))


def products(ours: Codes, theirs: Codes) -> tuple[Ints, Ints, Ints]:
    """For each frame: agreeing minus differing bits, and the number of reliable bits on each side."""
    both = (ours & theirs) >> HALF
    differ = np.bitwise_count((ours ^ theirs) & both).astype(np.int64)
    return np.bitwise_count(both) - 2 * differ, _reliable(ours), _reliable(theirs)


def _cosine(products: Ints) -> Floats:
    """Cosine of vectors of -1, 0 and 1, from their scalar product and their squared norms."""
    cosine: Floats = products[0] / np.sqrt(np.maximum(products[1] * products[2], 1))
    return cosine


def _reliable(codes: Codes) -> Ints:
    """Number of reliable bits of each code."""
    counts: Ints = np.bitwise_count(codes >> HALF).astype(np.int64)
    return counts


def _ranges(starts: Ints, lengths: Ints) -> Ints:
    """Concatenate the index ranges [start, start + length)."""
    return np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())


def _starts(*columns: npt.NDArray[np.integer]) -> Bools:
    """True for rows of a sorted table that differ from the previous row."""
    new = np.ones(len(columns[0]), bool)
    if len(new):
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new


def _rank(groups: Ints) -> Ints:
    """Position of each element within its run of equal elements."""
    at = np.arange(len(groups))
    return at - np.maximum.accumulate(np.where(_starts(groups), at, 0))
