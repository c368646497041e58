"""Passes that show the model the same go through it once, and every segment has the likelihood that it has alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.model.sampling.canvas import Canvas
from triptych.schemas.vocabulary import Special, Vocabulary
from triptych.train.evaluate.likelihood.bound import chain_rule
from triptych.train.evaluate.likelihood.reader import ModelReader, TokenScores
from triptych.train.evaluate.likelihood.text_segments import text_canvas

VOCABULARY = Vocabulary(text=30)


class Counted:
    """A model whose figures depend on all that it is shown, and that keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def __call__(self, inputs: Inputs) -> TokenScores:
        tokens_T, segment_T = inputs.tokens_BL[0], inputs.segment_BL[0]
        rows = [tokens_T[segment_T == number] for number in segment_T.unique().tolist()]
        self.shown += [tuple(row.tolist()) for row in rows]
        sums = torch.stack([(row.double() * torch.arange(1, len(row) + 1).sqrt()).sum() for row in rows])
        of_N = segment_T[inputs.query_N].long() - 1
        nats_N = 2 + torch.sin(sums[of_N] + inputs.position_BL[0][inputs.query_N] + 0.1 * inputs.class_N)
        return TokenScores(nats_N, nats_N < 2)


def reader() -> tuple[ModelReader, Counted]:
    model = Counted()
    return ModelReader(model, Slices.of(VOCABULARY), causal=False), model


def after(context: list[int], answers: list[list[int]]) -> Canvas:
    canvas = text_canvas([context + answer for answer in answers], VOCABULARY, range(len(answers)))
    return replace(canvas, target_T=canvas.target_T & (canvas.position_T > len(context)))


@pytest.mark.parametrize(
    ("answers", "passes"),
    [
        ([[1], [2], [3], [4]], 1),  # letters
        ([[1, 5], [2, 5], [1, 6]], 1 + 2),  # the first pass, and one for each first token
        ([[1, 5], [1, 5]], 2),
        ([[1], [1, 5]], 1 + 2),  # the model sees how long an answer is
    ],
)
def test_answers_to_one_question_share_the_passes_that_are_the_same(answers: list[list[int]], passes: int) -> None:
    reading, model = reader()
    done = chain_rule(reading, after([7, 8, 9], answers))
    assert done.passes == len(model.shown) == len(set(model.shown)) == passes
    assert done.greedy_S is not None
    for number, answer in enumerate(answers):
        alone = chain_rule(reader()[0], after([7, 8, 9], [answer]))
        assert float(done.nats_S[number]) == pytest.approx(float(alone.nats_S[0]), abs=1e-6)
        assert alone.greedy_S is not None
        assert bool(done.greedy_S[number]) == bool(alone.greedy_S[0])


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_any_texts_in_any_order_have_the_likelihood_that_they_have_alone(seed: int | None) -> None:
    draw = np.random.default_rng(0)
    rows = [draw.integers(0, 2, int(length)).tolist() for length in draw.integers(1, 5, 40)]
    canvas = text_canvas(rows, VOCABULARY, range(len(rows)))
    reading, model = reader()
    done = chain_rule(reading, canvas, seed)
    assert len(model.shown) == done.passes < sum(map(len, rows))
    assert seed is not None or len(set(model.shown)) == done.passes
    for number, row in enumerate(rows):
        alone = chain_rule(reader()[0], text_canvas([row], VOCABULARY, [number]), seed)
        assert float(done.nats_S[number]) == pytest.approx(float(alone.nats_S[0]), abs=1e-6)


def test_segments_without_a_target_take_no_pass() -> None:
    canvas = text_canvas([[1, 2], [3]], VOCABULARY, [0, 1])
    reading, model = reader()
    none = chain_rule(reading, replace(canvas, target_T=torch.zeros_like(canvas.target_T)))
    assert (none.passes, none.nats_S.tolist(), model.shown) == (0, [0.0, 0.0], [])
    some = chain_rule(reading, replace(canvas, target_T=canvas.target_T & (canvas.index_T == 1)))
    assert some.passes == 1
    assert all(int(Special.MASK) in shown for shown in model.shown)
