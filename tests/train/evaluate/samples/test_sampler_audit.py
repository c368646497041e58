"""The audit: exact with one token per call, a cost that only the total variation shows, and a floor that is right."""

import numpy as np
import pytest
import torch

from triptych.schemas.config.sampling import SamplingConfig
from triptych.train.evaluate.samples.known_source import SOURCES, KnownSource, chain_source, clip_source, sum_source
from triptych.train.evaluate.samples.sampler_audit import AuditResult, audit, audit_configs, expected_variation

N = 500


def result(source: KnownSource, **settings: object) -> AuditResult:
    return next(audit(source, [SamplingConfig.model_validate(settings)], N, 0))


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_a_distribution_whose_segments_are_told_apart(name: str) -> None:
    source = SOURCES[name]()
    assert float(source.chance_A.sum()) == pytest.approx(1)
    canvas = source.canvas(3)
    blocks = torch.tensor([block.start for block in source.vocabulary.slices])
    tokens_T = canvas.tokens_T.clone()
    wanted = source.codes_AN[[5, 0, 7]]
    at_T = canvas.target_T & (tokens_T != 2)  # without EOS
    tokens_T[at_T] = wanted.flatten() + blocks[canvas.slice_T[at_T]]
    assert source.index(tokens_T, canvas).tolist() == [5, 0, 7]


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        (chain_source(4), "confidence"),
        (chain_source(4), "halton"),
        (sum_source(1), "entropy"),
        (clip_source(2, (2, 2)), "first-hitting"),
    ],
)
def test_one_token_per_call_reaches_the_floor(source: KnownSource, rule: str) -> None:
    found = result(source, rule=rule, steps=source.codes_AN.shape[1])
    assert (found.possible, found.calls) == (1.0, source.codes_AN.shape[1])
    assert found.variation < 1.5 * found.floor
    assert found.bits == pytest.approx(source.entropy, abs=0.15)


def test_a_single_call_costs_the_dependence() -> None:
    """Every token then has its marginal: the total variation is that of the product of marginals."""
    source = chain_source(4)
    marginal_NV = torch.stack(
        [(source.codes_AN == v).double().mul(source.chance_A[:, None]).sum(0) for v in range(3)], 1
    )
    product_A = marginal_NV.gather(1, source.codes_AN.T).prod(0)
    exact = float((product_A - source.chance_A).abs().sum()) / 2
    assert result(source, rule="confidence", steps=1).variation == pytest.approx(exact, abs=0.1)
    assert exact > 3 * expected_variation(source.chance_A, N)


def test_possible_samples_may_have_the_wrong_distribution() -> None:
    """A temperature below 1: all samples correct, fewer bits than the source, and far from it."""
    source = sum_source(1)
    found = result(source, rule="confidence", steps=3, temperature=0.5)
    assert found.possible == 1
    assert found.bits is not None
    assert found.bits < source.entropy
    assert found.variation > 3 * found.floor
    assert result(source, rule="first-hitting", steps=1).possible < 0.7


def test_the_floor_is_the_mean_over_draws() -> None:
    chance = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0], dtype=torch.float64)
    counts = np.random.default_rng(0).multinomial(40, chance.numpy(), 20_000)
    drawn = np.abs(counts / 40 - chance.numpy()).sum(1) / 2
    assert expected_variation(chance, 40) == pytest.approx(drawn.mean(), abs=4 * drawn.std() / 20_000**0.5)


def test_tables_have_falling_steps_and_clips_have_those_of_codebooks() -> None:
    tables = audit_configs(clip_source(2, (2, 2)), {"temperature": 0.7})
    assert [config.steps for config in tables[0]] == [4, 3, 2, 1]
    assert all(config.temperature == 0.7 for table in tables for config in table)
    assert any(table[0].codebook_penalty for table in tables)
    assert not any(table[0].codebook_penalty for table in audit_configs(chain_source(2), {}))
