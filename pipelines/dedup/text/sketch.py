"""Fast similarity sketching: a signature of k numbers in time linear in the set, not k times as long.

Dahlgaard, Knudsen and Thorup, "Fast Similarity Sketching", FOCS 2017 (arXiv 1704.04370). In each of a few turns every
element throws a number into one of k bins; a bin keeps the least number of the first turn that hits it. A bin that no
turn hits gets the least of a hash of its own over all elements, as in plain MinHash.

Whatever the turn, the element that a bin of the union of two sets keeps is equally likely to be any of them, so two
signatures agree in a bin with a chance of just the Jaccard similarity, however small the sets. Within a turn elements
are drawn without replacement, so the share of bins that agree varies less than that of k independent permutations.
"""

import numpy as np
import numpy.typing as npt

from ..mixing import GOLDEN, Hashes, mix
from .fold import Ints

Signatures = npt.NDArray[np.uint32]

_TURNS = 8  # by then long sets are done, and sets of fewer elements cost little
_EMPTY = np.uint32(0xFFFFFFFF)
_PIECE = 1 << 18  # hashes at once
_HALF = np.uint64(32)


def sketch(offsets: Ints, hashes: Hashes, size: int) -> Signatures:
    """(sets, size) signatures of sets hashes[offsets[i]:offsets[i + 1]]; that of an empty set means nothing."""
    bins = np.full((len(offsets) - 1, size), _EMPTY)
    owner = np.repeat(np.arange(len(bins)), np.diff(offsets))
    left = hashes
    for seed in np.arange(_TURNS, dtype=np.uint64) * GOLDEN:
        left, owner = _throw(bins, left, owner, seed)
        if not len(left):
            return bins
    _fill(bins, *_distinct(left, owner))
    return bins


def _throw(bins: Signatures, hashes: Hashes, owner: Ints, seed: np.uint64) -> tuple[Hashes, Ints]:
    """One turn; the elements of the sets that have empty bins still."""
    mixed = mix(hashes + seed)
    at = owner * bins.shape[1] + (((mixed >> _HALF) * np.uint64(bins.shape[1])) >> _HALF).astype(np.int64)
    number = mixed.astype(np.uint32)
    flat = bins.reshape(-1)
    free = flat[at] == _EMPTY
    np.minimum.at(flat, at[free], number[free])
    unfinished = (bins == _EMPTY).any(axis=1)[owner]
    return hashes[unfinished], owner[unfinished]


def _distinct(hashes: Hashes, owner: Ints) -> tuple[Hashes, Ints]:
    """Each element once: a long set that has empty bins still is one of few elements, time and again."""
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    new = np.r_[True, (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])]
    return hashes[new], owner[new]


def _fill(bins: Signatures, hashes: Hashes, owner: Ints) -> None:
    """Plain MinHash for the bins that are empty still, each by its own multiplier; `owner` ascends."""
    multipliers = mix(np.arange(1, bins.shape[1] + 1, dtype=np.uint64) * GOLDEN) | np.uint64(1)
    sets, begin, counts = np.unique(owner, return_index=True, return_counts=True)
    row, at = np.nonzero(bins[sets] == _EMPTY)
    ends = np.cumsum(counts[row])
    cuts = np.flatnonzero(np.diff(ends // _PIECE)) + 1
    for piece in np.split(np.arange(len(row)), cuts):
        count = counts[row[piece]]
        first = np.cumsum(count) - count
        element = np.arange(count.sum()) + np.repeat(begin[row[piece]] - first, count)
        number = (hashes[element] * np.repeat(multipliers[at[piece]], count)) >> _HALF
        bins[sets[row[piece]], at[piece]] = np.minimum.reduceat(number.astype(np.uint32), first)
