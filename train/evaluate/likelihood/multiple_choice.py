"""Multiple choice: which candidate of a question has the highest likelihood.

The candidates of a question have one key and therefore common random masks, which are identical for candidates with
equally many tokens (bound.py). Only differences matter, and most of the noise cancels in them. Candidates of one token
are scored without noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....schemas.vocabulary import Vocabulary
from ....tokenizers.protocol import TextTokenizer
from .answers import Pair, answer_windows, score_answers, window_note
from .bound import PASSES, bound
from .reader import ModelReader

CLOSE = 1e-6  # nats within which candidates count as equally likely


@dataclass(frozen=True)
class Question:
    """A question: (context, candidate) pairs, and the index of the right one."""

    pairs: tuple[Pair, ...]
    right: int


class QuestionScores(NamedTuple):
    """Score of each question, float64 (Q,): 1 if the right candidate wins, 1/m if it ties with m - 1 others, else 0."""

    total: npt.NDArray[np.float64]  # by likelihood
    by_byte: npt.NDArray[np.float64]  # by likelihood per byte, which does not favour short candidates
    passes: int
    note: str  # what was cut or split to fit into the window; may be empty


def score_questions(
    reader: ModelReader,
    tokenizer: TextTokenizer,
    vocabulary: Vocabulary,
    questions: Sequence[Question],
    longest: int,
    passes: int = PASSES,
    seed: int = 0,
) -> QuestionScores:
    """Score every candidate by the bound, or for an autoregressive model by its exact likelihood.

    Args:
        reader: The model.
        tokenizer: Its text tokenizer.
        vocabulary: Its vocabulary.
        questions: Questions.
        longest: Largest number of tokens of a segment.
        passes: Passes per segment of the bound.
        seed: Seed of its masks.
    """
    pairs = [pair for question in questions for pair in question.pairs]
    keys = [number for number, question in enumerate(questions) for _ in question.pairs]
    windows = answer_windows(pairs, tokenizer, longest)
    done = score_answers(lambda canvas: bound(reader, canvas, passes, seed), windows, vocabulary, keys)
    nats = done.nats_S
    sizes = np.array([max(len(answer.encode()), 1) for _, answer in pairs])
    cuts = np.cumsum([len(question.pairs) for question in questions])[:-1]
    right = [question.right for question in questions]

    def won(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.array([_won(mine, at) for mine, at in zip(np.split(scores, cuts), right, strict=True)], np.float64)

    return QuestionScores(won(nats), won(nats / sizes), done.passes, window_note(windows, longest))


def chance_accuracy(questions: Sequence[Question]) -> float:
    """Expected accuracy of guessing."""
    return float(np.mean([1 / len(question.pairs) for question in questions]))


def _won(nats: npt.NDArray[np.float64], right: int) -> float:
    best = nats <= nats.min() + CLOSE
    return float(best[right] / best.sum())
