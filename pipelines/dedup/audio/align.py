"""Whether two fingerprints are of one recording: where one lies on the other, and how well they agree there.

An *anchor* is two frames, a little apart, in which nearly all bits count. Copies of a recording have most of their
anchors in common, at one distance in time. That is how Wang, "An Industrial-Strength Audio Search Algorithm" (ISMIR
2003), finds alignments; as there, it takes two moments to make a hash that is rare.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..mixing import mix
from ..protocol import Keys
from .fingerprint import BITS, FRAMES_A_SECOND, Codes, Ints

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SPAN = 12  # frames between an anchor's two, which then share no sound
ANCHORS, ANCHORS_A_SECOND = 24, 4  # kept of a clip: so many, and so many more for every second
OFFSETS = 4  # alignments tried of a pair

ALIKE = 0.84  # agreement over all that two copies have in common, of at most 1,
ALIKE_BLOCK = 0.5  # and over every block of it: clips that begin alike and go on otherwise are no copies
BLOCK = FRAMES_A_SECOND // 2
FEW = 100  # bits; a block in which neither has more is a pause
EDGE = 75  # frames that sound which either may have more at an end,
OVERLAP = 1 / 3  # if both have this share of the longer one

HALF, LOW = np.uint32(BITS), np.uint32((1 << BITS) - 1)


@dataclass(frozen=True)
class Prints:
    """Fingerprints one after the other: number i is codes[starts[i] : starts[i + 1]]."""

    codes: Codes
    starts: Ints

    @property
    def lengths(self) -> Ints:
        """Frames of each."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class Anchors:
    """Anchors of many fingerprints, fingerprint by fingerprint, the best first."""

    owner: Ints
    key: Keys  # the bits of its two frames; no fingerprint has a key twice
    frame: Ints  # the first of the two, from the fingerprint's start


def anchors_of(prints: Prints) -> Anchors:
    """The pairs of frames with the most bits that count; ties go by a hash, so that copies choose the same."""
    codes, owner = prints.codes, np.repeat(np.arange(len(prints.lengths)), prints.lengths)
    at = np.flatnonzero(owner[:-SPAN] == owner[SPAN:])
    score = _counted(codes[at]) + _counted(codes[at + SPAN])
    most = ANCHORS + ANCHORS_A_SECOND * prints.lengths // FRAMES_A_SECOND
    at = at[score >= _cutoffs(owner[at], score, most)[owner[at]]]
    owner, first, second = owner[at], codes[at], codes[at + SPAN]
    key = (first & LOW).astype(np.uint64) << np.uint64(BITS) | (second & LOW)
    order = np.lexsort((mix(key), -_counted(first) - _counted(second), owner))
    at, owner, key = at[order], owner[order], key[order]
    order = np.lexsort((key, owner))  # stable: of two with one key the better one comes first
    once = np.sort(order[_starts(owner[order], key[order])])
    at, owner, key = at[once], owner[once], key[once]
    kept = _rank(owner) < most[owner]
    return Anchors(owner[kept], key[kept], (at - prints.starts[owner])[kept])


def _cutoffs(owner: Ints, score: Ints, most: Ints) -> Ints:
    """The score of the last of the `most` best of each owner: sorting what is below would be most of the work."""
    counts = np.bincount(owner * (2 * BITS + 1) + score, minlength=len(most) * (2 * BITS + 1))
    at_least = counts.reshape(-1, 2 * BITS + 1)[:, ::-1].cumsum(axis=1)
    return np.asarray(np.maximum((at_least >= most[:, None]).sum(axis=1) - 1, 0))


def agreements(left: Prints, right: Prints) -> Floats:
    """For number i of either side, how well both agree where they do best: 1 for copies, about 0 for others.

    0 where they have no anchor in common, a block does not agree, or one has too much that the other has not.
    """
    pair, offset = _alignments(anchors_of(left), anchors_of(right))
    best = np.zeros(len(left.lengths))
    np.maximum.at(best, pair, _agreement(left, right, pair, offset))
    return best


def _alignments(left: Anchors, right: Anchors) -> tuple[Ints, Ints]:
    """(pair, offset) to try: right's frame f is left's f + offset.

    They are the OFFSETS of a pair that most anchors have in common, and those beside them, since a cut may fall
    between two frames.
    """
    owner, key = np.r_[left.owner, right.owner], np.r_[left.key, right.key]
    frame = np.r_[left.frame, right.frame]
    order = np.lexsort((key, owner))  # stable: of two with one key the left one comes first
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
    """How well the two of a pair agree at an offset."""
    start_left, start_right = left.starts[pair] + np.maximum(offset, 0), right.starts[pair] + np.maximum(-offset, 0)
    length = np.minimum(left.starts[pair + 1] - start_left, right.starts[pair + 1] - start_right)
    at = np.flatnonzero(_reaches(left, right, pair, (start_left, start_right), length))
    agreement = np.zeros(len(pair))
    if not len(at):
        return agreement
    ours, theirs = left.codes[_ranges(start_left[at], length[at])], right.codes[_ranges(start_right[at], length[at])]
    blocks = np.maximum(length[at] // BLOCK, 1)  # the last of a pair takes what is left over
    owner = np.repeat(np.arange(len(at)), blocks)
    starts = (np.cumsum(length[at]) - length[at])[owner] + BLOCK * _rank(owner)
    by_block = np.stack([np.add.reduceat(part, starts) for part in products(ours, theirs)])
    pairs = np.cumsum(blocks) - blocks
    paused = np.maximum(by_block[1], by_block[2]) < FEW
    worst = np.minimum.reduceat(np.where(paused, 1, _cosine(by_block)), pairs)
    agreement[at] = np.where(worst >= ALIKE_BLOCK, _cosine(np.add.reduceat(by_block, pairs, axis=1)), 0)
    return agreement


def _reaches(left: Prints, right: Prints, pair: Ints, starts: tuple[Ints, Ints], length: Ints) -> Bools:
    """Whether little of either is outside of what both have."""
    inside, whole, outside = [], [], []
    for prints, start in zip((left, right), starts, strict=True):
        sounds = np.r_[0, np.cumsum(prints.codes != 0)]
        first, last = sounds[prints.starts[pair]], sounds[prints.starts[pair + 1]]
        inside.append(sounds[start + length] - sounds[start])
        outside.append(np.maximum(sounds[start] - first, last - sounds[start + length]))
        whole.append(last - first)
    return np.asarray((np.maximum(*outside) <= EDGE) & (np.minimum(*inside) >= OVERLAP * np.maximum(*whole)))


def products(ours: Codes, theirs: Codes) -> tuple[Ints, Ints, Ints]:
    """Frame by frame: bits that agree minus bits that do not, and how many count on either side."""
    both = (ours & theirs) >> HALF
    differ = np.bitwise_count((ours ^ theirs) & both).astype(np.int64)
    return np.bitwise_count(both) - 2 * differ, _counted(ours), _counted(theirs)


def _cosine(products: Ints) -> Floats:
    """Of vectors of -1, 0 and 1, from their product and the squares of their lengths."""
    cosine: Floats = products[0] / np.sqrt(np.maximum(products[1] * products[2], 1))
    return cosine


def _counted(codes: Codes) -> Ints:
    """Bits that count of each code."""
    counted: Ints = np.bitwise_count(codes >> HALF).astype(np.int64)
    return counted


def _ranges(starts: Ints, lengths: Ints) -> Ints:
    """The numbers from each start on, as many as its length, one range after the other."""
    return np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())


def _starts(*columns: npt.NDArray[np.integer]) -> Bools:
    """Of sorted rows, those that differ from the one before them."""
    new = np.ones(len(columns[0]), bool)
    if len(new):
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new


def _rank(groups: Ints) -> Ints:
    """The place of each element in its run of equal ones."""
    at = np.arange(len(groups))
    return at - np.maximum.accumulate(np.where(_starts(groups), at, 0))
