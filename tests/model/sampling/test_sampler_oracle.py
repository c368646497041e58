"""P6, P17: with the best predictor of a known source, samples have the source's distribution, rare tokens included."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from triptych.model.network.slices import Slices
from triptych.model.sampling.causal_sampler import sample_causal
from triptych.model.sampling.sampler import sample
from triptych.schemas.config.model import Task
from triptych.schemas.config.sampling import Rule, SamplingConfig
from triptych.schemas.vocabulary import Vocabulary

from ..canvases import Fixed, canvas
from ..conftest import Sample
from ..markov import FIRST, STATES, VOCABULARY, Markov, Oracle

SOURCE = Markov()
SLICES = Slices.of(VOCABULARY)
CHAINS, LENGTH = 3000, 6


def states(config: SamplingConfig, seed: int = 0) -> torch.Tensor:
    """(CHAINS, LENGTH) states of sampled texts."""
    open_ = canvas([Sample(text=[0] * LENGTH)] * CHAINS, [Task.TEXT] * CHAINS, vocabulary=VOCABULARY)
    sampled_T = sample(Oracle(SOURCE).predict, open_, SLICES, config, seed).tokens_T
    return sampled_T.view(CHAINS, -1)[:, 1:-1] - FIRST[1]


def worst(state_RK: torch.Tensor, start_V: torch.Tensor = SOURCE.pi_V) -> float:
    """Least p of χ² of states, pairs and triples of neighbours, each at one place of independent chains."""
    found = []
    at_V = start_V / start_V.sum()
    for at in range(LENGTH - 2):
        expected = at_V
        for width in (1, 2, 3):
            code = sum((state_RK[:, at + i] * STATES ** (width - 1 - i) for i in range(width)), torch.tensor(0))
            counts = np.bincount(code.numpy(), minlength=STATES**width)
            want = expected.flatten().numpy() * CHAINS
            rare = want < 5
            groups = [np.append(x[~rare], x[rare].sum()) if rare.any() else x for x in (counts, want)]
            found.append(float(chisquare(*groups).pvalue))
            expected = expected[..., None] * SOURCE.p_VV
        at_V = at_V @ SOURCE.p_VV
    return min(found)


@pytest.mark.parametrize(("rule", "steps"), [("first-hitting", LENGTH), ("ancestral", 500)])
def test_n_grams_of_samples_are_those_of_the_source(rule: Rule, steps: int) -> None:
    assert worst(states(SamplingConfig(rule=rule, steps=steps))) > 1e-4


def test_so_they_are_in_blocks_and_when_tokens_are_taken_back() -> None:
    assert worst(states(SamplingConfig(steps=LENGTH, block=2))) > 1e-4
    assert worst(states(SamplingConfig(rule="remdm-cap", steps=200, remask=0.02))) > 1e-4


def test_and_are_not_when_places_that_know_of_one_another_go_together() -> None:
    assert worst(states(SamplingConfig(rule="ancestral", steps=4))) < 1e-6


def test_a_clip_follows_from_its_text_in_any_order_and_from_left_to_right() -> None:
    open_ = canvas([Sample(text=[1, 2, 3], audio=[0] * LENGTH)] * CHAINS, [Task.T2S] * CHAINS, vocabulary=VOCABULARY)
    for run in (sample, sample_causal):
        sampled_T = run(Oracle(SOURCE).predict, open_, SLICES, SamplingConfig(steps=LENGTH), 0).tokens_T
        state_RK = (sampled_T - FIRST[open_.slice_T])[open_.target_T].view(CHAINS, LENGTH)
        assert worst(state_RK, SOURCE.p_VV[3]) > 1e-4


COMMON, RARE, CHANCE = 50, 1950, 1e-5
WIDE = Vocabulary(text=COMMON + RARE)


@pytest.mark.parametrize(("rule", "steps"), [("ancestral", 64), ("ancestral", 4096), ("remdm-loop", 128)])
def test_rare_tokens_are_as_frequent_with_many_steps(rule: Rule, steps: int) -> None:
    """P6: noise of 24 bits, drawn for every open place in every step, would leave none of them at 4,096 steps."""
    chance = torch.full((COMMON + RARE,), (1 - RARE * CHANCE) / COMMON, dtype=torch.float64)
    chance[COMMON:] = CHANCE
    predict = Fixed([torch.zeros(0), torch.cat((torch.zeros(1), chance.log().float()))])
    open_ = canvas([Sample(text=[0] * 500)] * 8, [Task.TEXT] * 8, vocabulary=WIDE)
    sampled_T = sample(predict, open_, Slices.of(WIDE), SamplingConfig(rule=rule, steps=steps), steps).tokens_T
    code_N = sampled_T[open_.target_T] - FIRST[1]
    code_N = code_N[code_N >= 0]  # without EOS
    assert len(code_N) == 4_000
    rare = int((code_N >= COMMON).sum())
    assert abs(rare - 4_000 * RARE * CHANCE) < 4 * (4_000 * RARE * CHANCE) ** 0.5
    counts = torch.bincount(code_N[code_N < COMMON], minlength=COMMON)
    assert chisquare(counts.numpy()).pvalue > 1e-4
