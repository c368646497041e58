import unicodedata
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.dedup.text.shingles import shingles

LETTERS = "aAbBzéЖжह漢字カไ한𠀀𝒜19"
assigned = st.characters(exclude_categories=["Cs", "Cn", "Co"], max_codepoint=0x3FFFF)
texts = st.text(st.one_of(st.sampled_from(LETTERS + "\u0301ि .,-_\n'❤\ufe0f🎉"), assigned), max_size=30)
ALONE = ("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA LETTER", "KATAKANA LETTER", "THAI")
IN_DOUBT = ("LATIN", "GREEK", "CYRILLIC", "DEVANAGARI", "HANGUL SYLLABLE", "MATHEMATICAL SCRIPT", "DIGIT", "COMBINING")


def is_plain(text: str) -> bool:
    """Of scripts of which `words_of` can tell by a name what becomes of them."""
    kinds = [(unicodedata.category(letter)[0], unicodedata.name(letter, "")) for letter in text]
    return all(kind not in "LMN" or name.startswith(ALONE + IN_DOUBT) for kind, name in kinds)


def words_of(text: str) -> list[str]:
    """Words, one character at a time."""
    found, before = [], " "
    for letter in unicodedata.normalize("NFC", text):
        small = letter.lower()[0]
        alone = unicodedata.name(small, "").startswith(ALONE)
        if unicodedata.category(small)[0] not in "LMN" or "\ufe00" <= small <= "\ufe0f":
            small = " "
        elif before == " " or alone:
            found.append(small)
        else:
            found[-1] += small
        before = " " if alone else small
    return found


def shingles_of(text: str, n: int) -> list[tuple[str, ...]]:
    words = words_of(text)
    return [tuple(words[at : at + n]) for at in range(max(len(words) - n + 1, min(len(words), 1)))]


@given(st.lists(texts.filter(is_plain), max_size=8), st.integers(1, 6), st.data())
def test_two_shingles_are_equal_just_where_their_words_are(values: list[str], n: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(values)))
    offsets, hashes = shingles(pa.array(values, pa.string()).slice(start), n)
    expected = [shingles_of(text, n) for text in values[start:]]
    assert offsets.tolist() == [0, *np.cumsum([len(text) for text in expected])]
    pairs = set(zip([shingle for text in expected for shingle in text], hashes.tolist(), strict=True))
    assert len(pairs) == len({shingle for shingle, _ in pairs}) == len({hash_ for _, hash_ in pairs})


@given(st.lists(texts, min_size=1, max_size=8), st.integers(1, 6))
def test_a_text_has_the_same_shingles_alone_and_among_others(values: list[str], n: int) -> None:
    offsets, hashes = shingles(pa.array(values, pa.large_string()), n)
    alone = [shingles(pa.array([text]), n)[1] for text in values]
    assert [hashes[a:b].tolist() for a, b in pairwise(offsets)] == [a.tolist() for a in alone]


@pytest.mark.parametrize(("words", "expected"), [(0, 0), (1, 1), (4, 1), (5, 1), (6, 2), (9, 5)])
def test_how_many_shingles_of_five_words_a_text_has(words: int, expected: int) -> None:
    offsets, hashes = shingles(pa.array(["of " * words]), 5)
    assert offsets.tolist() == [0, expected]
    assert len(set(hashes.tolist())) == min(expected, 1)


def test_the_order_of_words_counts_and_their_case_and_what_lies_between_them_do_not() -> None:
    one, other, turned, longer = (
        shingles(pa.array([text]), 3)[1].tolist() for text in ("a b c", "A, b\nC!", "c b a", "a b c a")
    )
    assert one == other != turned
    assert longer[0] == one[0] != longer[1]


def test_a_million_shingles_collide_with_none() -> None:
    numbers = " ".join(map(str, range(1_000_004)))
    _, hashes = shingles(pa.array([numbers]), 5)
    assert len(hashes) == 1_000_000
    assert (np.diff(np.sort(hashes)) > 0).all()
    assert np.abs(np.bincount((hashes & np.uint64(63)).astype(int)) / 1e6 * 64 - 1).max() < 0.05


def test_no_texts_have_no_shingles() -> None:
    offsets, hashes = shingles(pa.array([], pa.string()), 5)
    assert (offsets.tolist(), len(hashes)) == ([0], 0)
