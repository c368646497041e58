"""The batch rule: identity at its base, a square root otherwise, and a warning where it breaks down."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.config.training import OptimizerConfig
from triptych.train.optim.batch_scaling import AdamSettings, MuonSettings, batch_warning, kappa, scaled_settings

BASE = OptimizerConfig(base_batch_tokens=1 << 15, base_tokens=1 << 25, betas=(0.9, 0.95))
STEPS = (1 << 25) >> 15


def test_at_its_base_and_without_one_nothing_changes() -> None:
    muon = MuonSettings(BASE.matrix_lr, BASE.momentum, BASE.weight_decay)
    same = AdamSettings(BASE.lr, BASE.betas, BASE.eps, BASE.weight_decay, muon)
    assert kappa(BASE, 1 << 15, STEPS) == 1
    assert scaled_settings(BASE, 1 << 15, STEPS) == same
    assert scaled_settings(OptimizerConfig(betas=(0.9, 0.95)), 1 << 22, 17) == same


@given(batch=st.integers(1 << 10, 1 << 26), steps=st.integers(1, 10**7), gamma=st.floats(0, 1))
def test_settings_follow_kappa(batch: int, steps: int, gamma: float) -> None:
    config = BASE.model_copy(update={"gamma": gamma})
    k = ((1 << 25) / (batch * steps)) ** gamma * batch / (1 << 15)
    found = scaled_settings(config, batch, steps)
    assert kappa(config, batch, steps) == pytest.approx(k)
    assert found.lr == pytest.approx(config.lr * math.sqrt(k))
    assert found.eps == pytest.approx(config.eps / math.sqrt(k))
    assert found.weight_decay == pytest.approx(config.weight_decay * math.sqrt(k))
    assert found.betas == pytest.approx([beta**k for beta in config.betas])
    assert all(0 <= beta <= 1 for beta in found.betas)


def test_the_second_moment_has_a_half_life_in_tokens() -> None:
    half_life = OptimizerConfig().beta2_half_life
    assert half_life is not None
    for batch in (1 << 10, 1 << 16):
        first, second = scaled_settings(OptimizerConfig(), batch, 100).betas
        assert first == 0.9
        assert second ** (half_life / batch) == pytest.approx(0.5)
    # with a base, it is that of the base which is scaled
    based = OptimizerConfig(base_batch_tokens=1 << 15, base_tokens=1 << 25)
    at_base = scaled_settings(based, 1 << 15, STEPS).betas[1]
    assert at_base == pytest.approx(0.5 ** ((1 << 15) / half_life))
    assert scaled_settings(based, 1 << 17, STEPS // 4).betas[1] == pytest.approx(at_base**4)


@pytest.mark.parametrize("keys", [{"betas": (0.9, 0.98)}, {"kind": "adamw"}])
def test_a_decay_that_is_given_or_of_adamw_alone_is_used(keys: dict[str, Any]) -> None:
    config = OptimizerConfig.model_validate(keys)
    assert config.beta2_half_life is None
    assert scaled_settings(config, 1 << 10, 100).betas == config.betas
    assert OptimizerConfig.model_validate(config.model_dump()) == config
    assert OptimizerConfig.model_validate(keys | {"beta2_half_life": 5}).beta2_half_life == 5


def test_without_muon_there_are_no_settings_of_it() -> None:
    assert scaled_settings(OptimizerConfig(kind="adamw"), 1 << 15, STEPS).muon is None


@pytest.mark.parametrize("times", [1 / 4, 1, 4, 16, 64])
def test_muon_keeps_drift_and_decay_in_tokens(times: float) -> None:
    # an update moves by lr times signal over noise; the weights that momentum gives to past gradients sum to 1
    def drift_per_token(lr: float, momentum: float, batch: float) -> float:
        weights = [(1 - momentum) * (1 + momentum)] + [(1 - momentum) * momentum ** (n + 1) for n in range(1, 4000)]
        assert sum(weights) == pytest.approx(1)
        return lr / math.sqrt(sum(weight**2 for weight in weights) / batch) / batch

    found = scaled_settings(BASE, round(times * (1 << 15)), round(STEPS / times)).muon
    assert found is not None
    assert found.momentum == pytest.approx(BASE.momentum**times)
    drift = drift_per_token(found.lr, found.momentum, times)
    assert drift == pytest.approx(drift_per_token(BASE.matrix_lr, BASE.momentum, 1))
    assert found.lr * found.weight_decay == pytest.approx(BASE.matrix_lr * BASE.weight_decay * times)


def test_means_remember_as_many_tokens_whatever_the_batch() -> None:
    # at one horizon β^κ per step of κ times the tokens is β per step of the base
    for times in (1, 4, 16):
        found = scaled_settings(BASE, times << 15, STEPS // times)
        assert [beta ** (1 / times) for beta in found.betas] == pytest.approx(list(BASE.betas))


def test_too_few_steps_are_warned_of_by_batch() -> None:
    config = BASE.model_copy(update={"critical_steps": 100})
    assert batch_warning(config, 1 << 20, 100) is None
    message = batch_warning(config, 1 << 20, 50)
    assert message is not None
    assert f"{1 << 20:,}" in message
    assert f"{1 << 19:,}" in message  # the tokens that 100 steps could have
    assert batch_warning(OptimizerConfig(), 1 << 20, 50) is None
