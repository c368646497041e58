"""Shingles: every run of n words of a text as one hash, by a polynomial over the hashes of its words."""

import numpy as np
import pyarrow as pa

from ..mixing import Hashes, mix
from .fold import Ints
from .words import Words, words

_BASE = np.uint64(0xD1342543DE82EF95)  # odd


def shingles(values: pa.StringArray, n: int) -> tuple[Ints, Hashes]:
    """(texts + 1,) offsets, and for text i hashes[offsets[i]:offsets[i + 1]], one each n words in a row.

    A text of fewer words has one shingle of all its words; a text of none has none.
    """
    return combine(words(values), n)


def combine(found: Words, n: int) -> tuple[Ints, Hashes]:
    """The shingles of words that were found already."""
    first, counts = found.offsets[:-1], np.diff(found.offsets)
    many = np.where(counts < n, np.minimum(counts, 1), counts - n + 1)
    offsets = np.concatenate([[0], np.cumsum(many)])
    at = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], many)
    hashes = _roll(found.hashes, n)[at]
    few = np.flatnonzero((counts > 0) & (counts < n))
    hashes[offsets[few]] = _whole(found.hashes, first[few], counts[few])
    return offsets, mix(hashes)


def _roll(hashes: Hashes, n: int) -> Hashes:
    """At each word the polynomial of it and the next n - 1; the last n - 1 are of no use."""
    rolled = hashes.copy()
    for ahead in range(1, n):
        rolled *= _BASE
        rolled[:-ahead] += hashes[ahead:]
    return rolled


def _whole(hashes: Hashes, first: Ints, counts: Ints) -> Hashes:
    """The polynomial of all words of each short text."""
    whole = np.zeros(len(first), np.uint64)
    for ahead in range(counts.max(initial=0)):
        more = counts > ahead
        whole[more] = whole[more] * _BASE + hashes[first[more] + ahead]
    return whole
