"""Multiple choice: which of a question's candidates a model finds likeliest.

The candidates of a question have one key, and so common random masks: where they have as many tokens, the very same
(likelihood.py). Their difference decides, and most of the noise is not in it. Of one-token answers there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....schemas.vocabulary import Vocabulary
from ....tokenizers.protocol import TextTokenizer
from .bound import PASSES, bound
from .reader import ModelReader
from .text_segments import Pair, canvas_of_pairs

CLOSE = 1e-6  # nats within which candidates are as likely as one another


@dataclass(frozen=True)
class Question:
    """A question: what stands before each candidate, the candidates, and which of them is right."""

    pairs: tuple[Pair, ...]
    right: int


class QuestionScores(NamedTuple):
    """Of each question, float64 (Q,): 1 where the right candidate is chosen, 1/m where m are as likely as it."""

    total: npt.NDArray[np.float64]  # by the likelihood of the whole candidate
    by_byte: npt.NDArray[np.float64]  # by its likelihood a byte: long candidates are not at a disadvantage
    passes: int


def score_questions(
    reader: ModelReader,
    tokenizer: TextTokenizer,
    vocabulary: Vocabulary,
    questions: Sequence[Question],
    longest: int,
    passes: int = PASSES,
    seed: int = 0,
) -> QuestionScores:
    """Score every candidate by the bound (an autoregressive model: by its exact likelihood) and take the best."""
    pairs = [pair for question in questions for pair in question.pairs]
    keys = [number for number, question in enumerate(questions) for _ in question.pairs]
    canvas = canvas_of_pairs(pairs, tokenizer, vocabulary, longest, keys)
    done = bound(reader, canvas, passes, seed)
    nats = done.nats_S.numpy()
    sizes = np.array([max(len(answer.encode()), 1) for _, answer in pairs])
    cuts = np.cumsum([len(question.pairs) for question in questions])[:-1]
    right = [question.right for question in questions]

    def won(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.array([_won(mine, at) for mine, at in zip(np.split(scores, cuts), right, strict=True)], np.float64)

    return QuestionScores(won(nats), won(nats / sizes), done.passes)


def chance_accuracy(questions: Sequence[Question]) -> float:
    """What guessing would get right."""
    return float(np.mean([1 / len(question.pairs) for question in questions]))


def _won(nats: npt.NDArray[np.float64], right: int) -> float:
    best = nats <= nats.min() + CLOSE
    return float(best[right] / best.sum())
