"""P6: a uniform finds its class through 52 bits, rare classes included; cuts keep what they say."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from triptych.model.sampling.sample_token import nucleus, sample_classes
from triptych.schemas.config.sampling import SamplingConfig

PLAIN = SamplingConfig()


def test_a_class_has_its_share_of_the_uniforms() -> None:
    """Also one of 1e-12, which no 24-bit uniform would ever find."""
    chance = torch.tensor([0.25, 1e-12, 0.75 - 1e-12], dtype=torch.float64)
    logits = chance.log().float()[None]
    below = logits.softmax(-1).cumsum(-1, dtype=torch.float64)[0]
    width = below[1] - below[0]
    assert float(width) == pytest.approx(1e-12, rel=1e-3)
    u = (below[0] + width * torch.tensor([-0.1, 0.1, 0.9, 1.2], dtype=torch.float64)) / below[-1]
    assert sample_classes(logits.expand(4, -1), u, PLAIN).tolist() == [0, 1, 1, 2]


@given(st.integers(0, 1000), st.floats(1e-16, 1 - 1e-16))
def test_it_is_the_inverse_of_the_distribution_function(seed: int, u: float) -> None:
    logits = 3 * torch.randn(1, 30, generator=torch.Generator().manual_seed(seed))
    found = int(sample_classes(logits, torch.tensor([u], dtype=torch.float64), PLAIN))
    below = logits.double().softmax(-1)[0].cumsum(0)
    assert found == 0 or below[found - 1] < u + 1e-6
    assert u < below[found] + 1e-6


def test_no_uniform_reaches_a_class_without_a_chance() -> None:
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf, 0.0, -torch.inf]]).expand(3, -1)
    u = torch.tensor([2.0**-53, 0.5, 1 - 2.0**-53], dtype=torch.float64)
    assert sample_classes(logits, u, PLAIN).tolist() == [1, 3, 3]


def test_temperature_goes_before_the_cuts_and_0_takes_the_likeliest() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]]).expand(1000, -1)
    u = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    assert (sample_classes(logits, u, SamplingConfig(temperature=0)) == 1).all()
    shares = torch.bincount(sample_classes(logits, u, SamplingConfig(temperature=2)), minlength=3) / 1000
    torch.testing.assert_close(shares, torch.tensor([0.0, 1.0, 0.5]).softmax(-1), atol=2e-3, rtol=0)
    assert set(sample_classes(logits, u, SamplingConfig(top_k=2)).tolist()) == {1, 2}
    assert set(sample_classes(logits, u, SamplingConfig(top_p=0.6)).tolist()) == {1}
    assert set(sample_classes(logits, u, SamplingConfig(top_p=0.6, temperature=2)).tolist()) == {1, 2}


@given(st.integers(0, 1000), st.floats(0.01, 1.0))
def test_a_nucleus_is_the_fewest_that_have_the_share(seed: int, share: float) -> None:
    chance = torch.randn(1, 20, generator=torch.Generator().manual_seed(seed)).double().softmax(-1)
    kept = nucleus(chance, share)
    inside = kept > 0
    assert torch.equal(kept[inside], chance[inside])
    assert kept.sum() >= share - 1e-12
    assert kept.sum() - kept[inside].min() < share + 1e-12
    if not inside.all():
        assert kept[inside].min() >= chance[~inside].max()
