"""Fast similarity sketching: a MinHash signature of k numbers in time linear in the set instead of k times the set.

Dahlgaard, Knudsen and Thorup, "Fast Similarity Sketching", FOCS 2017 (https://arxiv.org/abs/1704.04370). In each of a
few turns every element puts a number into one of k bins; a bin keeps the smallest number of the first turn in which it
is hit. A bin that is never hit gets the minimum of its own hash function over all elements, as in plain MinHash.

In every turn, each element of the union of two sets is equally likely to be the one that a bin keeps, so two signatures
agree in a bin with a probability equal to the Jaccard similarity, however small the sets are. Within a turn elements
are drawn without replacement, so the share of equal bins has a smaller variance than with k independent permutations.
"""

import numpy as np
import numpy.typing as npt

from ....schemas.hashing import GOLDEN, Hashes, mix64
from .fold import Ints

Signatures = npt.NDArray[np.uint32]

_TURNS = 8  # enough for large sets to fill all bins; small sets cost little
_EMPTY = np.uint32(0xFFFFFFFF)
_PIECE = 1 << 18  # hashes processed at a time
_HALF = np.uint64(32)


def sketch(offsets: Ints, hashes: Hashes, size: int) -> Signatures:
    """Compute the signatures of sets.

    Args:
        offsets: (sets + 1,) offsets into `hashes`.
        hashes: Set i is hashes[offsets[i]:offsets[i + 1]].
        size: Length of a signature.

    Returns:
        (sets, size) signatures; that of an empty set is undefined.
    """
    bins = np.full((len(offsets) - 1, size), _EMPTY)
    owner = np.repeat(np.arange(len(bins)), np.diff(offsets))
    left = hashes
    for seed in np.arange(_TURNS, dtype=np.uint64) * np.uint64(GOLDEN):
        left, owner = _throw(bins, left, owner, seed)
        if not len(left):
            return bins
    _fill(bins, *_distinct(left, owner))
    return bins


def _throw(bins: Signatures, hashes: Hashes, owner: Ints, seed: np.uint64) -> tuple[Hashes, Ints]:
    """Perform one turn in place; return the elements of the sets that still have empty bins."""
    mixed = mix64(hashes + seed)
    at = owner * bins.shape[1] + (((mixed >> _HALF) * np.uint64(bins.shape[1])) >> _HALF).astype(np.int64)
    number = mixed.astype(np.uint32)
    flat = bins.reshape(-1)
    free = flat[at] == _EMPTY
    np.minimum.at(flat, at[free], number[free])
    unfinished = (bins == _EMPTY).any(axis=1)[owner]
    return hashes[unfinished], owner[unfinished]


def _distinct(hashes: Hashes, owner: Ints) -> tuple[Hashes, Ints]:
    """Remove repeated elements: a long set that still has empty bins has few distinct elements."""
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    new = np.r_[True, (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])]
    return hashes[new], owner[new]


def _fill(bins: Signatures, hashes: Hashes, owner: Ints) -> None:
    """Plain MinHash for the bins that are still empty, each with its own multiplier; `owner` is sorted."""
    multipliers = mix64(np.arange(1, bins.shape[1] + 1, dtype=np.uint64) * np.uint64(GOLDEN)) | np.uint64(1)
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
