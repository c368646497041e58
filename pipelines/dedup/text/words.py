"""Splits texts into words and hashes them, on the bytes of a column, without creating an object per word.

A word is a run of letters, digits and combining marks. In scripts without spaces between words (Unicode Standard Annex
29, section 4) each character is a word, so that shingles of words are shingles of characters there, also in a text with
several scripts.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....schemas.hashing import GOLDEN, Hashes, mix64
from .fold import Bytes, Ints, fold, layout

_SPACELESS = (
    *(range(0x0E00, 0x1000), range(0x1000, 0x10A0)),  # Thai, Lao, Tibetan; Myanmar
    *(range(0x1780, 0x1800), range(0x1950, 0x19E0), range(0x1A20, 0x1AB0)),  # Khmer; Tai Le and Lue; Tai Tham
    *(range(0x2E80, 0x3130), range(0x31A0, 0xA000)),  # radicals, kana, Bopomofo; Han
    *(range(0xA9E0, 0xAA00), range(0xAA60, 0xAAE0)),  # Myanmar; Tai Viet
    *(range(0xF900, 0xFB00), range(0xFF66, 0xFFA0)),  # Han; kana of half width
    *(range(0x1AFF0, 0x1B170), range(0x20000, 0x40000)),  # kana; Han
)
_SELECTORS = range(0xFE00, 0xFE10)  # variation selectors, which choose the presentation of an emoji
_APART, _IN_WORD, _ALONE = 0, 1, 2
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)


@dataclass(frozen=True)
class Words:
    """The words of several texts, in order."""

    text: Bytes  # the texts in NFC and lower case, UTF-8, concatenated
    offsets: Ints  # (texts + 1,) the words of text i are offsets[i]:offsets[i + 1]
    starts: Ints  # (words,) positions in `text`
    stops: Ints  # (words,)
    hashes: Hashes  # (words,)

    def between(self, first: int, last: int) -> str:
        """Return the words from `first` up to, not including, `last`, separated by spaces."""
        spans = zip(self.starts[first:last].tolist(), self.stops[first:last].tolist(), strict=True)
        return " ".join(self.text[start:stop].tobytes().decode() for start, stop in spans)


def words(values: pa.StringArray) -> Words:
    """Find and hash the words of each text; needs about 20 bytes of memory per byte of text."""
    text, begins = layout(fold(values, case=True, space=False))
    starts, stops = _find(text, begins)
    return Words(text, np.searchsorted(starts, begins), starts, stops, _hash(text, starts, stops))


def _find(text: Bytes, begins: Ints) -> tuple[Ints, Ints]:
    """Return where words start and stop."""
    in_word = ((text - np.uint8(ord("a"))) < 26) | ((text - np.uint8(ord("0"))) < 10)
    cut = np.empty(len(text) + 1, bool)
    lead = np.flatnonzero(text >= 0xC0)
    if len(lead):
        many = text >= 0x80
        code = np.frombuffer(text[many].tobytes().decode().encode("utf-32-le"), np.uint32)
        length = 2 + (code >= 0x800) + (code >= 0x10000)
        kind = _kinds()[code]
        in_word[many] = np.repeat(kind != _APART, length)
    np.not_equal(in_word[1:], in_word[:-1], out=cut[1:-1])
    cut[begins] = True
    if len(lead):
        alone = kind == _ALONE
        cut[lead[alone]] = cut[lead[alone] + length[alone]] = True
    at = np.flatnonzero(cut)
    inside = in_word[at[:-1]]
    return at[:-1][inside], at[1:][inside]


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Classify each code point: between words, part of a word, or a word on its own."""
    kinds = np.zeros(0x110000, np.uint8)
    kinds[:0x40000] = [unicodedata.category(chr(code))[0] in "LMN" for code in range(0x40000)]
    kinds[_SELECTORS] = _APART
    for script in _SPACELESS:
        kinds[script] *= _ALONE
    return kinds


def _hash(text: Bytes, starts: Ints, stops: Ints) -> Hashes:
    """Sum the hashes of a word's pieces of eight bytes, each hashed together with its index."""
    padded = np.concatenate([text, np.zeros(8, np.uint8)])
    eight = np.ndarray(len(text) + 1, "<u8", padded, strides=(1,))
    hashes = mix64(eight[starts] & _MASKS[np.minimum(stops - starts, 8)])
    long = np.flatnonzero(stops - starts > 8)
    more = (stops[long] - starts[long] - 1) >> 3
    first = np.cumsum(more) - more
    number = np.arange(more.sum()) - np.repeat(first, more) + 1
    at = np.repeat(starts[long], more) + 8 * number
    pieces = eight[at] & _MASKS[np.minimum(np.repeat(stops[long], more) - at, 8)]
    if len(long):
        hashes[long] += np.add.reduceat(mix64(pieces + number.astype(np.uint64) * np.uint64(GOLDEN)), first)
    return hashes
