"""Answers after contexts: the chain rule holds for every kind of tokenizer, and every token counts once."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.model.sampling.canvas import Canvas
from triptych.schemas.vocabulary import Special, Vocabulary
from triptych.tokenizers.protocol import TextTokenizer
from triptych.train.evaluate.likelihood.answers import (
    Pair,
    answer_canvas,
    answer_windows,
    score_answers,
    split_answer,
    window_note,
)
from triptych.train.evaluate.likelihood.bound import Likelihood, chain_rule
from triptych.train.evaluate.likelihood.reader import ModelReader, TokenScores

from .text_tokenizers import KINDS, make_tokenizer

WORDS = ["the", " un", "able", " Name", "s", " ", "  ", "\n", ".", "\u2460", "e\u0301", "\ufb01", "\u6f22", "1", "20"]
SOME = st.one_of(st.lists(st.sampled_from(WORDS), max_size=5).map("".join), st.text(max_size=6))
TEXT = SOME.filter(lambda text: not any("\ud800" <= one <= "\udfff" for one in text))


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    return make_tokenizer(request.param, tmp_path_factory.mktemp("tokenizer") / "files")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    return make_tokenizer("byte-level", tmp_path_factory.mktemp("words"))


def bigrams(inputs: Inputs) -> TokenScores:
    """A model in which a token costs what it and the token before it determine."""
    before_N = inputs.tokens_BL.flatten()[inputs.query_N]
    nats_N = 0.1 + ((before_N * 31 + inputs.class_N * 17) % 97).float() / 10
    return TokenScores(nats_N, nats_N < 5)


def nats(tokenizer: TextTokenizer, pairs: list[Pair], longest: int = 1000) -> list[float]:
    vocabulary = Vocabulary(text=tokenizer.size)
    reader = ModelReader(bigrams, Slices.of(vocabulary), True)

    def estimate(canvas: Canvas) -> Likelihood:
        return chain_rule(reader, canvas)

    windows = answer_windows(pairs, tokenizer, longest)
    found: list[float] = score_answers(estimate, windows, vocabulary, range(len(pairs))).nats_S.tolist()
    return found


@settings(max_examples=12)
@given(context=TEXT, answer=TEXT)
def test_the_chain_rule_holds_for_every_tokenizer(tokenizer: TextTokenizer, context: str, answer: str) -> None:
    whole, before, after = nats(tokenizer, [("", context + answer), ("", context), (context, answer)])
    assert whole == pytest.approx(before + after, abs=1e-3)


@settings(max_examples=12)
@given(context=TEXT, answer=TEXT)
def test_where_a_token_begins_only_the_tokens_of_the_answer_count(
    tokenizer: TextTokenizer, context: str, answer: str
) -> None:
    left, codes = tokenizer.encode([context])[0], tokenizer.encode([context + answer])[0]
    if not np.array_equal(codes[: len(left)], left):
        return
    windows = answer_windows([(context, answer)], tokenizer, 1000)
    assert windows.tokens_S.tolist() == [len(codes) - len(left)]
    assert windows.sign_W.tolist() == [1]
    canvas = answer_canvas(windows, Vocabulary(text=tokenizer.size), [0])
    assert int(canvas.target_T.sum()) == len(codes) - len(left)
    assert canvas.tokens_T[-1] == Special.EOS
    assert not canvas.target_T[-1]


@given(length=st.integers(0, 60), share=st.floats(0, 1), room=st.integers(1, 30))
def test_windows_score_every_code_once_and_cut_no_more_than_they_must(length: int, share: float, room: int) -> None:
    first = round(length * share)
    codes = np.arange(length, dtype=np.uint32)
    windows = list(split_answer(codes, first, room))
    scored = np.concatenate([window.codes[window.first :] for window in windows])
    assert scored.tolist() == list(range(first, length))
    assert all(len(window.codes) <= room for window in windows)
    assert all(window.first >= room // 2 - 1 for window in windows[1:])
    shown = windows[0].first
    if length <= room:
        assert (len(windows), shown) == (1, first)
    elif length - first <= room:
        assert (len(windows), shown) == (1, room - (length - first))


def test_a_long_answer_costs_all_of_its_tokens(words: TextTokenizer) -> None:
    answer = " the dog sees the red house" * 20
    whole, half = nats(words, [("The", answer), ("The", answer[: len(answer) // 2])], longest=20)
    assert whole == pytest.approx(nats(words, [("The", answer)])[0], rel=1e-6)
    assert whole > 1.9 * half


def test_what_is_cut_and_split_is_counted(words: TextTokenizer) -> None:
    long = " the old dog" * 30
    windows = answer_windows([("a", " b"), (long, " b"), ("a", long)], words, 22)
    assert (windows.cut, windows.split) == (1, 1)
    note = window_note(windows, 22)
    assert "1 of 3 contexts lost their beginning" in note
    assert "1 of 3 answers were scored in windows, 10 tokens apart (windows of 20 tokens)" in note
    assert not window_note(answer_windows([("a", " b")], words, 22), 22)


def test_nothing_to_score_is_no_error(words: TextTokenizer) -> None:
    assert nats(words, []) == []
    assert nats(words, [("a context", "")]) == [0.0]


def test_candidates_of_merged_and_clean_boundaries_are_compared_alike(tmp_path: Path) -> None:
    """What is subtracted is what every candidate shares, so that differences are those of the whole texts."""
    tokenizer = make_tokenizer("byte-level", tmp_path)
    context, answers = "the un", ["named", " dog", "able"]
    whole = nats(tokenizer, [("", context + answer) for answer in answers])
    after = nats(tokenizer, [(context, answer) for answer in answers])
    assert np.diff(after) == pytest.approx(np.diff(whole), abs=1e-3)
