"""Lengths, symbols and personal data, against plain Python and by example."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.config.filters.text import Pii, SymbolRatio, TextLength

TEXTS = st.lists(st.text(st.sampled_from("ab #.…\n\t-•　é7"), max_size=40), max_size=8)


@given(TEXTS, st.integers(1, 12), st.integers(1, 12))
def test_characters_and_words_are_those_of_python(judge: Any, texts: list[str], least: int, more: int) -> None:
    most = least + more
    chars = judge(TextLength(name="text_length", min_chars=least, max_chars=most), texts)
    assert set(chars) == {row for row, text in enumerate(texts) if not least <= len(text) <= most}
    words = judge(TextLength(name="text_length", min_words=least, max_words=most), texts)
    assert set(words) == {row for row, text in enumerate(texts) if not least <= len(text.split()) <= most}


def test_a_length_is_in_the_detail(judge: Any) -> None:
    config = TextLength(name="text_length", min_chars=3, max_words=2)
    assert judge(config, ["ab", "ab c", "a b c"]) == {
        0: ["2 characters, fewer than 3"],
        2: ["3 words, more than 2"],
    }


def symbols(text: str) -> dict[str, float]:
    words, lines = max(len(text.split()), 1), [line for line in text.split("\n") if line.strip()]
    return {
        "hash": text.count("#") / words,
        "ellipses": len(re.findall(r"\.\.\.|…", text)) / words,
        "bullet": sum(line.lstrip(" \t")[:1] in ("-", "•") for line in lines) / max(len(lines), 1),
        "end": sum(line.rstrip(" \t").endswith(("...", "…")) for line in lines) / max(len(lines), 1),
        "letter": sum(any(char.isalpha() for char in word) for word in text.split()) / words,
    }


@given(TEXTS)
def test_symbols_are_counted_as_python_counts_them(judge: Any, texts: list[str]) -> None:
    off = {"max_symbols": 99.0, "max_bullet_lines": 1.0, "max_ellipsis_lines": 1.0, "min_alphabetic": 0.0}
    texts = [text.replace("　\n", "\n") for text in texts]  # a line of ideographic spaces alone counts as one
    for rule, key, share in (
        ("hash", "max_symbols", 0.5),
        ("ellipses", "max_symbols", 0.5),
        ("bullet", "max_bullet_lines", 0.4),
        ("end", "max_ellipsis_lines", 0.3),
        ("letter", "min_alphabetic", 0.6),
    ):
        found = judge(SymbolRatio(name="symbol_ratio", **(off | {key: share})), texts)
        said = {row for row, details in found.items() if any(rule in detail for detail in details)}
        shares = [symbols(text)[rule] for text in texts]
        assert said == {row for row, each in enumerate(shares) if (each < share if rule == "letter" else each > share)}


def test_prose_has_few_symbols_and_menus_have_many(judge: Any) -> None:
    prose = "It was a dark night. The rain fell in torrents – except at times … when a gust checked it."
    menu = "\n".join(f"•page {number} of the whole menu" for number in range(9))
    found = judge(SymbolRatio(name="symbol_ratio"), [prose, menu, "# 1 # 2 # 3", "more ...\nand more ...\nread on"])
    assert found == {
        1: ["1.00 of the lines begin with a bullet, more than 0.9"],
        2: ["0.50 hash signs a word, more than 0.1", "0.00 of the words have a letter, less than 0.8"],
        3: [
            "0.29 ellipses a word, more than 0.1",
            "0.67 of the lines end with an ellipsis, more than 0.3",
            "0.71 of the words have a letter, less than 0.8",
        ],
    }


MAILS = ["ann.b+c@mail.example.co.uk", "<ann@example.org>,", "(ann_b@ex-ample.de)"]
PHONES = ["+49 (0)30 1234567", "+15555550100.", "(555) 555-0100", "1-555-555-0100", "tel: 555.555.0100,"]
HOSTS = ["8.8.8.8", "http://93.184.216.34/x", "at 93.184.216.34.", "93.184.216.34:80"]
NONE = [
    "ann at example dot org",
    "@ann a@b x@y.",
    "127.0.0.1 10.1.2.3 192.168.1.1 172.16.0.9 169.254.1.1 255.255.255.0 0.0.0.0",
    "version 1.2.3.4.5 or v1.2.3.4 or 1.2.3.400",
    "2026-01-02 12345-555-555-0100 555-555-01001 +1 234 + 5 1999-2003 3.141592653589793",
]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        *((text, "1 e-mail addresses") for text in MAILS),
        *((text, "1 phone numbers") for text in PHONES),
        *((text, "1 IP addresses") for text in HOSTS),
        (" ".join(MAILS), "3 e-mail addresses"),
        (" ".join(PHONES), "5 phone numbers"),
        (" ".join(HOSTS), "4 IP addresses"),
        ("8.8.8.8 9.9.9.9 127.0.0.1 a@b.example", "1 e-mail addresses, 2 IP addresses"),
    ],
)
def test_personal_data_is_found_and_not_quoted(judge: Any, text: str, detail: str) -> None:
    assert judge(Pii(name="pii"), [text, "plain"]) == {0: [detail]}


@pytest.mark.parametrize("text", NONE)
def test_what_only_looks_like_it_stays(judge: Any, text: str) -> None:
    assert judge(Pii(name="pii"), [text, text]) == {}


def test_as_many_as_allowed_may_stay(judge: Any) -> None:
    assert list(judge(Pii(name="pii", max=2), [" ".join(MAILS[:2]), " ".join(MAILS)])) == [1]
