"""The repetition filter of Gopher: Rae et al. 2021 (https://arxiv.org/abs/2112.11446), appendix A.1.1 and table A1.

Words, lines and paragraphs of many documents are numbered together, by content and document; an n-gram is then the pair
of the number of its first n - 1 words and that of its last word, numbered again. So equality is exact, without hash
collisions, and an (n-1)-gram that occurs only once is not examined further.

Where Rae et al. leave details open: white space does not count as characters, an n-gram that occurs once is not a
repetition, no character is counted twice, and the first occurrence of something repeated is not a repetition.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.filters.text import Repetition
from ...schemas.config.run import Limits
from .text import Floats, RowsToDrop, above

SLICE_BYTES = 1 << 18  # bytes of text processed at a time, so that the tables fit into the processor's cache

Ints = npt.NDArray[np.int64]


def repetition(config: Repetition, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by repeated lines, paragraphs and word n-grams; the detail has their share of the text."""
    texts = table["text"].combine_chunks()
    ends = np.cumsum(pc.binary_length(texts).to_numpy())
    start = 0
    while start < len(texts):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + SLICE_BYTES)))
        for row, detail in _check_slice(config, texts.slice(start, stop - start)):
            yield start + row, detail
        start = stop


def _check_slice(config: Repetition, texts: pa.StringArray) -> RowsToDrop:
    lines = _units(pc.split_pattern(texts, "\n"))
    paragraphs = _units(pc.split_pattern_regex(texts, r"\n\s*\n"))
    for what, units, most, most_chars in (
        ("lines", lines, config.max_lines, config.max_line_chars),
        ("paragraphs", paragraphs, config.max_paragraphs, config.max_paragraph_chars),
    ):
        repeated = _repeated(units.code)
        yield from above(units.share(repeated), most, f"of the {what} were there before")
        yield from above(units.share_of_chars(repeated), most_chars, f"of the characters are in repeated {what}")
    words = _units(pc.utf8_split_whitespace(texts))
    for grams in _ngrams(words, max([*config.max_top_ngram, *config.max_duplicate_ngrams], default=0)):
        top, duplicate = config.max_top_ngram.get(grams.n), config.max_duplicate_ngrams.get(grams.n)
        if top is not None:
            chars = words.share_of_chars(grams.cover(_most_frequent(grams)))
            yield from above(chars, top, f"of the characters are in the most frequent {grams.n}-gram")
        if duplicate is not None:
            chars = words.share_of_chars(grams.cover(_repeated(grams.code)))
            yield from above(chars, duplicate, f"of the characters are in repeated {grams.n}-grams")


@dataclass(frozen=True)
class _Units:
    """Words, lines or paragraphs of many documents, concatenated."""

    document: Ints  # index of each unit's document
    code: Ints  # equal for equal units of a document; numbered from 0 in order of first appearance
    size: Ints  # in characters
    documents: int

    def share(self, mask: npt.NDArray[np.bool_]) -> Floats:
        """Return the (documents,) share of each document's units in the mask."""
        return self._count(mask) / self._whole

    def share_of_chars(self, mask: npt.NDArray[np.bool_]) -> Floats:
        """Return the (documents,) share of each document's characters in units of the mask."""
        return self._count(mask, self.size) / self._whole_chars

    def _count(self, mask: npt.NDArray[np.bool_], weights: Ints | None = None) -> Floats:
        chosen = np.flatnonzero(mask)
        weighed = None if weights is None else weights[chosen]
        return np.bincount(self.document[chosen], weighed, self.documents).astype(np.float64)

    @cached_property
    def _whole(self) -> Floats:
        return np.maximum(np.bincount(self.document, None, self.documents), 1)

    @cached_property
    def _whole_chars(self) -> Floats:
        return np.maximum(np.bincount(self.document, self.size, self.documents), 1)


def _units(pieces: pa.ListArray) -> _Units:
    values = pc.utf8_trim_whitespace(pieces.flatten())
    document = np.repeat(np.arange(len(pieces)), np.diff(pieces.offsets.to_numpy()))
    filled = pc.not_equal(values, "")
    values, document = values.filter(filled), document[filled.to_numpy(zero_copy_only=False)]
    code = _codes(document * len(values) + _codes(values))
    return _Units(document, code, pc.utf8_length(values).to_numpy().astype(np.int64), len(pieces))


def _codes(values: pa.Array | Ints) -> Ints:
    """Number distinct values from 0 in order of first appearance."""
    codes: Ints = pa.array(values).dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _repeated(code: Ints) -> npt.NDArray[np.bool_]:
    """Mask of values that occurred before; `code` is numbered in order of first appearance."""
    mask: npt.NDArray[np.bool_] = code <= np.maximum.accumulate(np.concatenate([[-1], code]))[:-1]
    return mask


@dataclass(frozen=True)
class _Grams:
    """The word n-grams that may occur more than once."""

    words: _Units
    n: int
    at: Ints  # index of the first word
    code: Ints  # as in _Units

    def cover(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return (words,): True for words in an n-gram of the mask."""
        change = np.zeros(len(self.words.document) + self.n, np.int8)
        begin = self.at[mask]
        change[begin] += 1
        change[begin + self.n] -= 1
        covered: npt.NDArray[np.bool_] = np.cumsum(change, dtype=np.int32)[: len(self.words.document)] > 0
        return covered


def _ngrams(words: _Units, longest: int) -> Iterator[_Grams]:
    """Yield n-grams for n from 2; an n-gram can only be repeated if its first n - 1 words are."""
    at, code = np.arange(len(words.document)), words.code
    for n in range(2, longest + 1):
        last = at + n - 1
        inside = last < len(words.document)
        inside[inside] = words.document[last[inside]] == words.document[at[inside]]
        kept = inside & (np.bincount(code)[code] > 1) if code.size else inside
        at = at[kept]
        code = _codes(code[kept] * len(words.document) + words.code[at + n - 1])
        yield _Grams(words, n, at, code)


def _most_frequent(grams: _Grams) -> npt.NDArray[np.bool_]:
    """Mask of each document's most frequent n-gram if it occurs twice; of equally frequent ones the longest."""
    first = grams.at[~_repeated(grams.code)]
    count = np.bincount(grams.code, minlength=len(first))
    ends = np.concatenate([[0], np.cumsum(grams.words.size)])
    document, size = grams.words.document[first], ends[first + grams.n] - ends[first]
    order = np.lexsort((size, count, document))
    best = order[np.diff(document[order], append=-1) != 0]
    chosen = np.zeros(len(first), bool)
    chosen[best[count[best] > 1]] = True
    return chosen[grams.code]
