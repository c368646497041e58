"""Long texts in windows: every token counts once, in its own window."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.schemas.vocabulary import Vocabulary
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.train.evaluate.likelihood.reader import ModelReader, TokenScores
from triptych.train.evaluate.likelihood.rolling import rolling_nats, split_windows

LETTERS = st.text("kalomi ü,\n", max_size=30)


@pytest.fixture(scope="module")
def tokenizer(text_model: Path) -> SentencePieceText:
    return SentencePieceText(str(text_model))


@settings(max_examples=25)
@given(texts=st.lists(LETTERS, max_size=4), longest=st.integers(3, 20))
def test_windows_hold_every_token_once_and_are_even(
    tokenizer: SentencePieceText, texts: list[str], longest: int
) -> None:
    windows = split_windows(tokenizer, texts, longest)
    for number, text in enumerate(texts):
        mine = [codes for codes, of in zip(windows.codes, windows.text, strict=True) if of == number]
        assert tokenizer.decode([code for codes in mine for code in codes]) == text
        lengths = [len(codes) for codes in mine]
        assert max(lengths, default=0) <= longest - 2
        assert max(lengths, default=0) - min(lengths, default=0) <= 1


@pytest.mark.parametrize("causal", [False, True])
def test_nats_of_a_window_are_those_of_its_tokens(causal: bool) -> None:
    """A token of class c, where EOS is class 0, costs c nats wherever it is asked for; then the bound is exact."""
    vocabulary = Vocabulary(text=50)

    def predict(inputs: Inputs) -> TokenScores:
        return TokenScores(inputs.class_N.float(), inputs.class_N == 0)

    draw = np.random.default_rng(0)
    windows = [draw.integers(0, 50, length, np.uint32) for length in (1, 2, 7, 30)]
    windows.append(np.zeros(3, np.uint32))
    reader = ModelReader(predict, Slices.of(vocabulary), causal)
    found = rolling_nats(reader, vocabulary, windows, passes=128)
    costs = [float((window + 1).sum()) for window in windows]
    assert found[[0, 1, 2, 4]] == pytest.approx(np.array(costs)[[0, 1, 2, 4]])  # all their masks are asked, or none
    assert found[3] == pytest.approx(costs[3], rel=0.05 if not causal else 1e-6)
    assert rolling_nats(reader, vocabulary, []).shape == (0,)
