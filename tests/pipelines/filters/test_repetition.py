"""The repetition filter against the plain reading of its definition, and on texts that do and do not repeat."""

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.filters import repetition
from triptych.schemas.config.filters.text import Repetition

OFF: dict[str, Any] = {f"max_{key}": 1.0 for key in ("lines", "paragraphs", "line_chars", "paragraph_chars")}
OFF |= {"max_top_ngram": {}, "max_duplicate_ngrams": {}}
TEXTS = st.lists(st.text(st.sampled_from("ab ab \n\né"), max_size=40), max_size=12)


def seen_before(units: list[Any]) -> list[bool]:
    return [unit in units[:place] for place, unit in enumerate(units)]


def share(units: list[str], mask: list[bool], chars: bool) -> float:
    sizes = [len(unit) if chars else 1 for unit in units]
    return sum(size for size, marked in zip(sizes, mask, strict=True) if marked) / max(sum(sizes), 1)


def covered(words: list[str], n: int, marked: list[bool]) -> list[bool]:
    """Words within any of the n-grams that are marked."""
    return [any(marked[max(0, at - n + 1) : at + 1]) for at in range(len(words))]


def expected(text: str, config: Repetition) -> bool:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    words = text.split()
    found = [
        share(lines, seen_before(lines), False) > config.max_lines,
        share(lines, seen_before(lines), True) > config.max_line_chars,
        share(paragraphs, seen_before(paragraphs), False) > config.max_paragraphs,
        share(paragraphs, seen_before(paragraphs), True) > config.max_paragraph_chars,
    ]
    for n in {*config.max_top_ngram, *config.max_duplicate_ngrams}:
        grams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
        if n in config.max_duplicate_ngrams:
            again = covered(words, n, seen_before(grams))
            found.append(share(words, again, True) > config.max_duplicate_ngrams[n])
        counts = Counter(grams)
        if n in config.max_top_ngram and counts:
            # of equals the longest, of these the one that comes up last
            order = {gram: place for place, gram in enumerate(counts)}
            top = max(counts, key=lambda gram: (counts[gram], sum(map(len, gram)), order[gram]))
            chars = share(words, covered(words, n, [gram == top for gram in grams]), True)
            found.append(counts[top] > 1 and chars > config.max_top_ngram[n])
    return any(found)


@given(TEXTS, st.sampled_from([1, 20, 1 << 18]), st.floats(0, 0.9))
def test_it_is_what_the_definition_says(judge: Any, texts: list[str], slice_bytes: int, most: float) -> None:
    rules: list[dict[str, Any]] = [{key: most} for key in OFF if "ngram" not in key]
    rules += [{"max_top_ngram": {n: most}} for n in (2, 3, 4)]
    rules += [{"max_duplicate_ngrams": {n: most}} for n in (2, 5)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repetition, "SLICE_BYTES", slice_bytes)
        for rule in rules:
            config = Repetition(name="repetition", **(OFF | rule))
            assert set(judge(config, texts)) == {row for row, text in enumerate(texts) if expected(text, config)}, rule


PROSE = (
    "The harbour lay in fog until noon. Then a wind came up from the south, and one after another the boats put out. "
    "Nobody on the quay spoke of the night before; they mended nets and watched the gulls.\n\nIn the evening all of "
    "them came back but one. Its crew had seen a light where no light should be, and had followed it."
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Home\nNews\nHome\nNews\nHome\nNews", "0.67 of the lines were there before, more than 0.3"),
        ("spam and eggs " * 20, "1.00 of the characters are in the most frequent 3-gram, more than 0.18"),
        (f"{PROSE} {PROSE}", "0.50 of the characters are in repeated 10-grams, more than 0.1"),
        (f"{PROSE}\n\n{PROSE}", "0.50 of the paragraphs were there before, more than 0.3"),
    ],
)
def test_texts_that_repeat_themselves(judge: Any, text: str, complaint: str) -> None:
    assert complaint in judge(Repetition(name="repetition"), [PROSE, text])[1]


@pytest.mark.parametrize("text", [PROSE, "one", "two words", "a b c d e f g h i j k l m n", "", "\n\n"])
def test_what_is_there_once_is_no_repetition(judge: Any, text: str) -> None:
    assert judge(Repetition(name="repetition"), [text] * 5) == {}
