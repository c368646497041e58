"""A config that claims more than the weights hold is refused before memory is taken."""

from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.schemas.errors import Refusal
from triptych.tokenizers.claimed_sizes import MOST_NUMBER, SPARE, require_claims_fit


@pytest.fixture
def weights(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "1.safetensors", tmp_path / "2.safetensors"]
    for path in paths:
        path.write_bytes(bytes(500))
    return paths


def module_of(parameters: int) -> Any:
    return lambda: torch.nn.Linear(parameters, 1, bias=False)


def test_a_model_may_have_a_parameter_a_byte_and_some_tables(weights: list[Path]) -> None:
    require_claims_fit("model", {"width": 8}, weights, module_of(SPARE + 1000))
    with pytest.raises(Refusal, match=r"model: its config.json claims 1,049,577 parameters, but .* 1,000 bytes"):
        require_claims_fit("model", {"width": 8}, weights, module_of(SPARE + 1001))


@pytest.mark.parametrize("config", [{"a": [{"b": MOST_NUMBER + 1}]}, [MOST_NUMBER + 1]])
def test_an_absurd_number_is_refused_before_the_model_is_built(weights: list[Path], config: Any) -> None:
    def build() -> torch.nn.Module:
        raise AssertionError("built")

    with pytest.raises(Refusal, match="claims a size of 16,777,217"):
        require_claims_fit("model", config, weights, build)


def test_no_memory_is_taken_and_a_config_of_no_model_is_left_to_its_library(weights: list[Path]) -> None:
    with pytest.raises(Refusal, match="claims 1,000,000,000,000,000 parameters"):
        require_claims_fit("model", {}, weights, module_of(10**15))

    def broken() -> torch.nn.Module:
        raise KeyError("width")

    require_claims_fit("model", {"text": "10**15", "n": True}, weights, broken)
