"""Shingles: a hash of every n consecutive words of a text, a polynomial over the hashes of the words."""

import numpy as np
import pyarrow as pa

from ....schemas.hashing import Hashes, mix64
from .fold import Ints
from .words import Words, words

_BASE = np.uint64(0xD1342543DE82EF95)  # odd


def shingles(values: pa.StringArray, n: int) -> tuple[Ints, Hashes]:
    """Hash all runs of n consecutive words.

    A text with fewer words has one shingle of all its words; a text without words has none.

    Returns:
        (texts + 1,) offsets and hashes; those of text i are hashes[offsets[i]:offsets[i + 1]].
    """
    return combine(words(values), n)


def combine(found: Words, n: int) -> tuple[Ints, Hashes]:
    """Compute shingles like `shingles`, from words that were already found."""
    first, counts = found.offsets[:-1], np.diff(found.offsets)
    many = np.where(counts < n, np.minimum(counts, 1), counts - n + 1)
    offsets = np.concatenate([[0], np.cumsum(many)])
    at = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], many)
    hashes = _roll(found.hashes, n)[at]
    few = np.flatnonzero((counts > 0) & (counts < n))
    hashes[offsets[few]] = _whole(found.hashes, first[few], counts[few])
    return offsets, mix64(hashes)


def _roll(hashes: Hashes, n: int) -> Hashes:
    """Polynomial of each word and the next n - 1; the last n - 1 values are not valid."""
    rolled = hashes.copy()
    for ahead in range(1, n):
        rolled *= _BASE
        rolled[:-ahead] += hashes[ahead:]
    return rolled


def _whole(hashes: Hashes, first: Ints, counts: Ints) -> Hashes:
    """Polynomial of all words of each short text."""
    whole = np.zeros(len(first), np.uint64)
    for ahead in range(counts.max(initial=0)):
        more = counts > ahead
        whole[more] = whole[more] * _BASE + hashes[first[more] + ahead]
    return whole
