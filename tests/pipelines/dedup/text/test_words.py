import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from triptych.pipelines.dedup.text.fold import layout
from triptych.pipelines.dedup.text.words import words

SPACELESS = (
    *("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "CJK RADICAL", "HIRAGANA LETTER", "KATAKANA LETTER"),
    *("HALFWIDTH KATAKANA", "BOPOMOFO LETTER", "THAI CHARACTER", "LAO ", "TIBETAN LETTER", "TIBETAN SUBJOINED"),
    *("MYANMAR LETTER", "MYANMAR VOWEL", "KHMER LETTER", "KHMER VOWEL", "TAI LE", "NEW TAI LUE", "TAI VIET LETTER"),
)
SPACED = (
    *("LATIN", "GREEK", "CYRILLIC", "ARABIC LETTER", "HEBREW", "DEVANAGARI", "BENGALI", "TAMIL", "TELUGU", "GEORGIAN"),
    *(
        "ARMENIAN",
        "HANGUL SYLLABLE",
        "HANGUL LETTER",
        "ETHIOPIC SYLLABLE",
        "CANADIAN",
        "CHEROKEE",
        "DIGIT",
        "COMBINING ACUTE",
    ),
)


def split(text: str) -> list[str]:
    found = words(pa.array([text], pa.string()))
    return [found.between(at, at + 1) for at in range(len(found.hashes))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" -- … ❤️ 🎉", []),
        ("The cat, 2 cats!", ["the", "cat", "2", "cats"]),
        ("don't x_y a1b2", ["don", "t", "x", "y", "a1b2"]),
        ("Ärger naïve STRASSE", ["ärger", "naïve", "strasse"]),
        ("Cafe\u0301", ["café"]),
        ("Она сказала:нет", ["она", "сказала", "нет"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("한국어 말", ["한국어", "말"]),
        ("漢字です。", ["漢", "字", "で", "す"]),
        ("ไทยabc漢2", ["ไ", "ท", "ย", "abc", "漢", "2"]),
        ("a漢", ["a", "漢"]),
        ("𠀀𝒜x", ["𠀀", "𝒜x"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_which_scripts_have_words_of_one_character() -> None:
    characters = [chr(code) for code in range(0x40000) if unicodedata.category(chr(code))[0] in "LMN"]
    found = words(pa.array([f"{character}{character}" for character in characters], pa.string()))
    count = dict(zip(characters, np.diff(found.offsets).tolist(), strict=True))
    names = {character: unicodedata.name(character, "") for character in characters}
    assert {
        character for character, name in names.items() if name.startswith(SPACELESS) and count[character] < 2
    } == set()
    assert {character for character, name in names.items() if name.startswith(SPACED) and count[character] > 1} == set()
    assert sum(name.startswith(SPACELESS) for name in names.values()) > 90_000
    assert sum(name.startswith(SPACED) for name in names.values()) > 13_000


def test_texts_end_words_and_are_cut_from_any_slice() -> None:
    array = pa.array(["x", "ab", "cd", "", "漢", "é", "ef"]).slice(1)
    found = words(array)
    assert found.offsets.tolist() == [0, 1, 2, 2, 3, 4, 5]
    assert found.between(0, 5) == "ab cd 漢 é ef"


def test_the_layout_of_a_slice_is_its_own() -> None:
    text, begins = layout(pa.array(["before", "ab", "", "é", "after"], pa.large_string()).slice(1, 3))
    assert (text.tobytes().decode(), begins.tolist()) == ("abé", [0, 2, 2, 4])


def test_equal_words_and_only_those_have_equal_hashes() -> None:
    rng = np.random.default_rng(0)
    different = {"".join(rng.choice(list("abcdeé"), length)) for length in rng.integers(1, 40, 20_000)}
    different |= {"a" * length for length in range(1, 200)}
    different |= {"12345678" * 3, "1234567812345678", "87654321" + "12345678", "12345678" + "87654321"}
    some = sorted(different)
    found = words(pa.array([" ".join(some), *some], pa.large_string()))
    first, second = np.split(found.hashes, 2)
    assert np.array_equal(first, second)
    assert len(np.unique(first)) == len(some)


def test_a_word_of_megabytes_is_one_word() -> None:
    found = words(pa.array(["ab" * 1_500_000 + " c", "ab" * 1_500_000 + "b", "ab" * 1_500_000]))
    assert np.diff(found.offsets).tolist() == [2, 1, 1]
    assert found.hashes[0] == found.hashes[3] != found.hashes[2]
