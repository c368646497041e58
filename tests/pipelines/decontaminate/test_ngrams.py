import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.decontaminate.ngrams import EXCERPT, ngram_set, overlaps

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
QUESTION = "What is the capital of the country that lies between France, Germany and the North Sea?"  # 16 words
SHORT = "one two three four five six seven eight nine"


def column(*texts: str) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts, pa.string())])


def hits(texts: list[str], *evaluation: str) -> dict[int, str]:
    return dict(overlaps(column(*texts), ngram_set(column(*evaluation))))


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}


some = st.lists(st.sampled_from("abc"), max_size=22).map(" ".join)


@given(st.lists(some, max_size=6), st.lists(some, max_size=4))
def test_a_text_is_hit_just_where_it_has_a_run_of_words_in_common(texts: list[str], evaluation: list[str]) -> None:
    lengths = [(text, min(len(text.split()), 13)) for text in evaluation]
    known = {gram for text, n in lengths if n >= 8 for gram in grams(text, n)}
    found = hits(texts, *evaluation)
    assert set(found) == {row for row, text in enumerate(texts) if any(grams(text, n) & known for _, n in lengths)}
    for row, shared in found.items():
        assert shared in texts[row]
        assert tuple(shared.split()) in known


def test_what_is_shared_is_found_in_other_case_and_punctuation_and_shown() -> None:
    text = "He asked: 'what IS the capital -- of the country that lies between FRANCE, Germany and...' I did not know"
    assert hits(["nothing here", text], QUESTION) == {
        1: "what is the capital of the country that lies between france germany and"
    }


@pytest.mark.parametrize(("words", "hit"), [(7, False), (8, True), (12, True), (13, True), (14, True)])
def test_how_long_an_evaluation_text_has_to_be(words: int, hit: bool) -> None:
    evaluation = " ".join(ALPHABET[:words])
    assert bool(hits([f"x {evaluation} y"], evaluation)) is hit
    assert not hits([" ".join(["x", *ALPHABET[: min(words, 13) - 1], "y"])], evaluation)


def test_a_short_evaluation_text_counts_whole() -> None:
    assert hits([SHORT, SHORT.rsplit(" ", 1)[0], f"so {SHORT} ten"], SHORT) == {0: SHORT, 2: SHORT}


def test_rows_ascend_over_blocks_and_chunks_and_name_the_longest_run() -> None:
    filler = "filler " * 200_000
    texts = [filler, f"{SHORT} {QUESTION}", filler, filler, QUESTION]
    known = pa.concat_tables([ngram_set(column(SHORT)), ngram_set(column(QUESTION))])
    chunked = pa.chunked_array([pa.array(texts[:2]), pa.array(texts[2:])])
    first = "what is the capital of the country that lies between france germany and"
    assert list(overlaps(chunked, known)) == [(1, first), (4, first)]


def test_a_set_is_ascending_and_without_repeats() -> None:
    table = ngram_set(column(QUESTION, QUESTION, SHORT, "too short", ""))
    assert table.schema.names == ["hash", "words"]
    assert (table.schema.field("hash").type, table.schema.field("words").type) == (pa.uint64(), pa.uint8())
    assert sorted(table["words"].to_pylist()) == [9, 13, 13, 13, 13]
    assert (np.diff(table["hash"].to_numpy()) > 0).all()


def test_scripts_without_spaces_have_runs_of_characters() -> None:
    evaluation = "吾輩は猫である。名前はまだ無い。"
    assert list(hits(["彼は言った「吾輩は猫である名前はまだ無い」と", "吾輩は猫である"], evaluation)) == [0]


def test_nothing_is_hit_by_nothing() -> None:
    assert hits([QUESTION]) == {}
    assert hits([], QUESTION) == {}
    assert hits([QUESTION], "too short") == {}


def test_other_words_are_no_hit_however_many_there_are() -> None:
    assert not hits([" ".join(map(str, range(100_000, 300_000)))], " ".join(map(str, range(20_000))))


def test_an_endless_word_does_not_fill_the_ledger() -> None:
    long = " ".join([SHORT, "x" * 10_000])
    assert len(hits([long], long)[0]) == EXCERPT
