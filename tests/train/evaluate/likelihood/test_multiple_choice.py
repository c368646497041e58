"""Choices by answers that cost a known number of nats: who wins, who ties, and what chance is."""

from pathlib import Path

import pytest

from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.schemas.vocabulary import Vocabulary
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.train.evaluate.likelihood.multiple_choice import (
    Question,
    QuestionScores,
    chance_accuracy,
    score_questions,
)
from triptych.train.evaluate.likelihood.reader import ModelReader, TokenScores


@pytest.fixture
def tokenizer(text_model: Path) -> SentencePieceText:
    return SentencePieceText(str(text_model))


def chosen(tokenizer: SentencePieceText, choices: list[Question], *, masked: float = 0.0) -> QuestionScores:
    """Each token costs its class in nats, and more of it the more is masked in the whole row."""

    def predict(inputs: Inputs) -> TokenScores:
        share = (inputs.tokens_BL == 1).float().mean()
        nats = inputs.class_N.float() * (1 + masked * share)
        return TokenScores(nats, nats < 1)

    vocabulary = Vocabulary(text=tokenizer.size)
    return score_questions(
        ModelReader(predict, Slices.of(vocabulary), False), tokenizer, vocabulary, choices, 64, passes=8
    )


def cost(tokenizer: SentencePieceText, text: str) -> int:
    return int((tokenizer.encode([text])[0].astype(int) + 1).sum())


def test_the_cheapest_is_chosen_in_whole_and_by_byte(tokenizer: SentencePieceText) -> None:
    answers = (" ka", " kalo mi ren ta shi", " qua", " vor, pa")
    totals = [cost(tokenizer, answer) for answer in answers]
    by_byte = [total / len(answer.encode()) for total, answer in zip(totals, answers, strict=True)]
    pairs = tuple(("mi", answer) for answer in answers)
    done = chosen(tokenizer, [Question(pairs, right) for right in range(4)])
    assert done.total.tolist() == [float(total == min(totals)) for total in totals]
    assert done.by_byte.tolist() == [float(one == min(by_byte)) for one in by_byte]


def test_ties_are_shared(tokenizer: SentencePieceText) -> None:
    same = (("mi", " kalo shi"), ("mi", " kalo shi"), ("mi", " kalo shi qua"))
    done = chosen(tokenizer, [Question(same, 0), Question(same, 2)], masked=1.0)
    assert done.total.tolist() == [0.5, 0.0]  # the same tokens under the same masks cost the same to the last bit
    assert done.passes <= 6 * 8


def test_chance_is_over_the_candidates_that_there_are() -> None:
    pair = ("", "a")
    assert chance_accuracy([Question((pair,) * 4, 0), Question((pair,) * 2, 0)]) == pytest.approx(0.375)
