"""Learning rates rise for at most a quarter of a run, and end where they should."""

import pytest

from triptych.schemas.config.training import OptimizerConfig
from triptych.train.optim.lr_schedule import lr_factor, warmup_steps

COSINE, WSD = OptimizerConfig(), OptimizerConfig(schedule="wsd", decay=0.2)


def test_the_warm_up_is_a_thousand_steps_or_a_quarter() -> None:
    assert [warmup_steps(COSINE, steps) for steps in (1, 3, 100, 4000, 10**6)] == [1, 1, 25, 1000, 1000]


@pytest.mark.parametrize("config", [COSINE, WSD])
@pytest.mark.parametrize("steps", [1, 2, 7, 500, 20_000])
def test_shares_rise_once_then_fall(config: OptimizerConfig, steps: int) -> None:
    shares = [lr_factor(config, step, steps) for step in range(steps)]
    top = warmup_steps(config, steps) - 1
    assert all(0 <= share <= 1 for share in shares)
    assert shares[top] == 1
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)


def test_a_cosine_is_half_way_in_the_middle_and_ends_at_the_final_share() -> None:
    config = OptimizerConfig(final=0.1, warmup=100)
    assert lr_factor(config, 550, 1000) == pytest.approx(0.55)
    assert lr_factor(config, 1000, 1000) == pytest.approx(0.1)
    assert lr_factor(config, 2000, 1000) == pytest.approx(0.1)  # a longer run than it was made for


def test_wsd_stays_until_its_last_fifth() -> None:
    config = OptimizerConfig(schedule="wsd", decay=0.2, warmup=100)
    assert {lr_factor(config, step, 1000) for step in range(100, 800)} == {1.0}
    assert lr_factor(config, 900, 1000) == pytest.approx(0.5)
    assert lr_factor(config, 1000, 1000) == pytest.approx(0.0)
