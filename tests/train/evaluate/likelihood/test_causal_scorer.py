"""Scores of an autoregressive model: chances of what may come next, and states that company does not change."""

import numpy as np
import pytest
import torch

from triptych.model.network.export import Exported
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import ModelConfig
from triptych.schemas.vocabulary import Vocabulary
from triptych.train.evaluate.likelihood.causal_scorer import CausalScorer

VOCABULARY = Vocabulary(text=12)


@pytest.fixture(scope="module")
def scorer() -> CausalScorer:
    """A model of random weights."""
    model = Transformer(shape_of(ModelConfig(depth=1, width=64)), VOCABULARY)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=draw) * 0.2)
    return CausalScorer(Exported(model.eval(), VOCABULARY, "autoregressive"), "random")


def test_chances_of_the_next_token_and_of_the_end_sum_to_one(scorer: CausalScorer) -> None:
    for begun in ([], [3], [5, 0, 11, 7]):
        longer = scorer.nats([np.array([*begun, code]) for code in range(12)])
        before = scorer.nats([np.array(begun)])[0] if begun else 0.0
        chances = np.exp(before - longer)
        assert chances.min() > 0
        assert chances.std() > 1e-3
        assert 0.5 < chances.sum() < 1  # the rest is that of the end, which is not counted


def test_a_text_has_one_score_and_one_state_in_any_company(scorer: CausalScorer) -> None:
    draw = np.random.default_rng(0)
    texts = [draw.integers(0, 12, length) for length in (1, 9, 4, 9)]
    nats, states = scorer.nats(texts), scorer.states(texts)
    assert states.shape == (4, 64)
    for number, text in enumerate(texts):
        assert scorer.nats([text]) == pytest.approx(nats[number : number + 1], rel=1e-4)
        assert scorer.states([text])[0] == pytest.approx(states[number], abs=1e-4)
    assert np.abs(states[1] - states[3]).max() > 0.01
