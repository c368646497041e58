"""Finds texts that share a run of words with an evaluation set.

Brown et al., "Language Models are Few-Shot Learners", 2020 (https://arxiv.org/abs/2005.14165), appendix C: word
n-grams without case and punctuation, with n from 8 to 13 depending on the length of a set's examples. There each set
has one n; here each example of 8 to 12 words has its own n.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.hashing import Hashes
from ..dedup.text.fold import Ints, blocks
from ..dedup.text.shingles import combine
from ..dedup.text.words import Words, words

NGRAMS_VERSION = 1
NGRAM = 13
SHORTEST = 8
EXCERPT = 200  # characters of the shared words that are reported
_COARSE = 24  # leading bits of a hash; a table over them rules out most n-grams that are in no set


def ngram_set(values: pa.ChunkedArray, n: int = NGRAM) -> pa.Table:
    """Collect the distinct n-grams of evaluation texts.

    A text of SHORTEST to n - 1 words is one n-gram of its own length; a shorter one has none. In scripts without spaces
    between words, n-grams consist of characters.

    Args:
        values: The texts.
        n: Length of the n-grams, in words.

    Returns:
        Table of (hash: uint64, ascending; words: uint8, the length of the n-gram).
    """
    hashes, lengths = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint8)]
    for block in blocks(values):
        found = words(block)
        offsets, grams = combine(found, n)
        length = np.repeat(np.minimum(np.diff(found.offsets), n), np.diff(offsets))
        hashes.append(grams[length >= SHORTEST])
        lengths.append(length[length >= SHORTEST].astype(np.uint8))
    distinct, first = np.unique(np.concatenate(hashes), return_index=True)
    return pa.table({"hash": distinct, "words": np.concatenate(lengths)[first]})


def overlaps(values: pa.ChunkedArray, known: pa.Table) -> Iterator[tuple[int, str]]:
    """Find texts that have an n-gram in a set of n-grams.

    Args:
        values: The texts.
        known: The table of `ngram_set`, or several of them concatenated.

    Yields:
        (row, shared words) in ascending order of rows.
    """
    lengths = sorted(known["words"].unique().to_pylist(), reverse=True)
    sets = {n: np.sort(known.filter(pc.equal(known["words"], n))["hash"].to_numpy()) for n in lengths}
    coarse = np.zeros(1 << _COARSE, bool)
    coarse[_leading(known["hash"].to_numpy())] = True
    rows = 0
    for block in blocks(values):
        found = words(block)
        hits: dict[int, str] = {}
        for n, ascending in sets.items():
            offsets, grams = combine(found, n)
            at = np.flatnonzero(coarse[_leading(grams)])
            at = at[_is_in(grams[at], ascending)]
            for row, word in zip(*_first_words(at, offsets, found), strict=True):
                hits.setdefault(row, found.between(word, min(word + n, found.offsets[row + 1]))[:EXCERPT])
        yield from ((rows + row, hits[row]) for row in sorted(hits))
        rows += len(block)


def _leading(hashes: Hashes) -> Hashes:
    return hashes >> np.uint64(64 - _COARSE)


def _is_in(values: Hashes, ascending: Hashes) -> npt.NDArray[np.bool_]:
    at = np.searchsorted(ascending, values)
    return np.asarray(ascending[np.minimum(at, len(ascending) - 1)] == values)


def _first_words(at: Ints, offsets: Ints, found: Words) -> tuple[list[int], list[int]]:
    """For n-grams at the given positions: each row that has one, and the word at which its first one begins."""
    rows, first = np.unique(np.searchsorted(offsets, at, side="right") - 1, return_index=True)
    begin = found.offsets[rows] + at[first] - offsets[rows]
    return rows.tolist(), begin.tolist()
