"""Sampling options that cannot work together are refused, and the rest is taken as given."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from triptych.schemas.config.sampling import BLIND, Rule, SamplingConfig


@pytest.mark.parametrize("rule", get_args(Rule))
def test_a_cache_needs_blocks_and_a_rule_that_looks_at_predictions(rule: Rule) -> None:
    assert SamplingConfig(rule=rule, block=8).cache is False
    for block in (None, 8):
        if block and rule not in {"ancestral", "first-hitting", "remdm-cap", "remdm-loop", "halton"}:
            assert SamplingConfig(rule=rule, block=block, cache=True).block == 8
        else:
            with pytest.raises(ValidationError, match="`cache` needs `block`"):
                SamplingConfig(rule=rule, block=block, cache=True)


def test_rules_that_need_no_predictions_are_rules() -> None:
    assert set(get_args(Rule)) > BLIND


@pytest.mark.parametrize("window", [(0.5, 0.5), (0.6, 0.4), (-0.1, 0.5), (0.5, 1.1)])
def test_a_window_of_guidance_increases_within_the_run(window: tuple[float, float]) -> None:
    assert SamplingConfig(guidance_window=(0.25, 1.0)).guidance_window == (0.25, 1.0)
    with pytest.raises(ValidationError, match=r"guidance_window: \[.*must be increasing"):
        SamplingConfig(guidance_window=window)


@pytest.mark.parametrize(
    "options",
    [{"steps": 0}, {"block": 0}, {"threshold": 0}, {"top_p": 0}, {"top_p": 1.1}, {"top_k": 0}, {"temperature": -1}],
)
def test_values_out_of_range_are_refused_by_key(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        SamplingConfig.model_validate(options)
    assert caught.value.errors()[0]["loc"] == tuple(options)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rule": "ancestral", "codebook_penalty": 5}, "not used by `rule: ancestral`"),
        ({"rule": "entropy", "calibrate": True}, "it needs `confidence`"),
        ({"time_shift": 0}, "greater than 0"),
    ],
)
def test_settings_that_a_rule_would_ignore_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SamplingConfig.model_validate(settings)
