"""The repetition filter of Gopher: Rae et al. 2021 (arXiv 2112.11446), appendix A.1.1 and table A1.

Words, lines and paragraphs of many documents are numbered at once, each by what it is and whose it is; an n-gram is
then the number of the (n-1)-gram that it begins with and that of its last word. So equal means equal, there is no hash
to collide, and whatever was seen once is never looked at again.

What Rae et al. leave open: white space counts as no character, an n-gram that is there once is no repetition, no
character counts twice, and of what is there several times the first is none.
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
from .text import Complaints, Floats, above

SLICE_BYTES = 1 << 18  # of text judged at a time, so that its tables stay in the processor's cache

Ints = npt.NDArray[np.int64]


def repetition(config: Repetition, table: pa.Table, limits: Limits) -> Complaints:
    """Lines, paragraphs and n-grams of words that are there again; the detail says how much of the text they are."""
    texts = table["text"].combine_chunks()
    ends = np.cumsum(pc.binary_length(texts).to_numpy())
    start = 0
    while start < len(texts):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + SLICE_BYTES)))
        for row, detail in _judge(config, texts.slice(start, stop - start)):
            yield start + row, detail
        start = stop


def _judge(config: Repetition, texts: pa.StringArray) -> Complaints:
    lines = _units(pc.split_pattern(texts, "\n"))
    paragraphs = _units(pc.split_pattern_regex(texts, r"\n\s*\n"))
    for what, units, most, most_chars in (
        ("lines", lines, config.max_lines, config.max_line_chars),
        ("paragraphs", paragraphs, config.max_paragraphs, config.max_paragraph_chars),
    ):
        again = _again(units.code)
        yield from above(units.share(again), most, f"of the {what} were there before")
        yield from above(units.share_of_chars(again), most_chars, f"of the characters are in repeated {what}")
    words = _units(pc.utf8_split_whitespace(texts))
    for grams in _ngrams(words, max([*config.max_top_ngram, *config.max_duplicate_ngrams], default=0)):
        top, duplicate = config.max_top_ngram.get(grams.n), config.max_duplicate_ngrams.get(grams.n)
        if top is not None:
            chars = words.share_of_chars(grams.cover(_most_frequent(grams)))
            yield from above(chars, top, f"of the characters are in the most frequent {grams.n}-gram")
        if duplicate is not None:
            chars = words.share_of_chars(grams.cover(_again(grams.code)))
            yield from above(chars, duplicate, f"of the characters are in repeated {grams.n}-grams")


@dataclass(frozen=True)
class _Units:
    """Words, lines or paragraphs of many documents, end to end."""

    document: Ints
    code: Ints  # the same for the same unit of the same document, from 0 in the order of appearance
    size: Ints  # characters
    documents: int

    def share(self, mask: npt.NDArray[np.bool_]) -> Floats:
        """(documents,) the part of each document's units that the mask has."""
        return self._count(mask) / self._whole

    def share_of_chars(self, mask: npt.NDArray[np.bool_]) -> Floats:
        """(documents,) the part of each document's characters that lies in units that the mask has."""
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
    there = pc.not_equal(values, "")
    values, document = values.filter(there), document[there.to_numpy(zero_copy_only=False)]
    code = _codes(document * len(values) + _codes(values))
    return _Units(document, code, pc.utf8_length(values).to_numpy().astype(np.int64), len(pieces))


def _codes(values: pa.Array | Ints) -> Ints:
    """Numbers of distinct values, from 0 in the order of appearance."""
    codes: Ints = pa.array(values).dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _again(code: Ints) -> npt.NDArray[np.bool_]:
    """Mask of what was there before; `code` numbers values in the order of appearance."""
    mask: npt.NDArray[np.bool_] = code <= np.maximum.accumulate(np.concatenate([[-1], code]))[:-1]
    return mask


@dataclass(frozen=True)
class _Grams:
    """The n-grams of words that may be there more than once."""

    words: _Units
    n: int
    at: Ints  # index of the first word
    code: Ints  # as in _Units

    def cover(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """(words,) whether a word is in an n-gram that the mask has."""
        change = np.zeros(len(self.words.document) + self.n, np.int8)
        begin = self.at[mask]
        change[begin] += 1
        change[begin + self.n] -= 1
        covered: npt.NDArray[np.bool_] = np.cumsum(change, dtype=np.int32)[: len(self.words.document)] > 0
        return covered


def _ngrams(words: _Units, longest: int) -> Iterator[_Grams]:
    """n-grams for n from 2; one can be there twice only if the one it begins with is."""
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
    """Mask of each document's most frequent n-gram, of equals the longest, if it is there twice."""
    first = grams.at[~_again(grams.code)]
    count = np.bincount(grams.code, minlength=len(first))
    ends = np.concatenate([[0], np.cumsum(grams.words.size)])
    document, size = grams.words.document[first], ends[first + grams.n] - ends[first]
    order = np.lexsort((size, count, document))
    best = order[np.diff(document[order], append=-1) != 0]
    chosen = np.zeros(len(first), bool)
    chosen[best[count[best] > 1]] = True
    return chosen[grams.code]
