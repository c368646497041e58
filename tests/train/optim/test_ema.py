"""The mean of the weights: its warm-up, its half-life as a share of the run, and that it comes and goes."""

import pytest
import torch

from triptych.schemas.config.training import EmaConfig
from triptych.train.optim.ema import Ema


def module(value: float) -> torch.nn.Linear:
    linear = torch.nn.Linear(3, 2)
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.fill_(value)
    return linear


def run(ema: Ema, model: torch.nn.Module, steps: int, first: int = 0) -> float:
    for step in range(first, first + steps):
        ema.update(model, step)
    return float(ema.state_dict()["bias"][0])


def test_after_a_half_life_a_weight_counts_half() -> None:
    ema = Ema(module(0.0), EmaConfig(half_life=0.05), steps=1000)
    late = 100_000  # long after the warm-up
    assert run(ema, module(1.0), 50, late) == pytest.approx(0.5, abs=1e-6)


def test_the_warm_up_forgets_the_beginning_in_a_short_run() -> None:
    steps = 30
    slow = EmaConfig(half_life=1.0)
    assert run(Ema(module(0.0), slow, steps), module(1.0), steps) > 0.99
    fixed = 0.5 ** (1 / steps)
    assert 1 - fixed**steps == pytest.approx(0.5)  # what it would be without


def test_the_first_update_follows_the_formula() -> None:
    assert run(Ema(module(0.0), EmaConfig(half_life=1.0), 10**6), module(1.0), 1) == pytest.approx(0.9)


def test_the_mean_takes_the_weights_place_and_gives_it_back() -> None:
    model = module(1.0)
    ema = Ema(module(0.25), EmaConfig(), steps=100)
    with ema.swapped(model):
        assert model.bias[0].item() == 0.25
    assert model.bias[0].item() == 1.0
    with pytest.raises(RuntimeError, match="stop"), ema.swapped(model):
        raise RuntimeError("stop")
    assert model.bias[0].item() == 1.0


def test_a_saved_mean_goes_on_bit_for_bit() -> None:
    config = EmaConfig(half_life=0.1)
    whole = Ema(module(0.0), config, 40)
    run(whole, module(1.0), 20)
    first, second = Ema(module(0.0), config, 40), Ema(module(7.0), config, 40)
    run(first, module(1.0), 8)
    second.load_state_dict({name: mean.clone() for name, mean in first.state_dict().items()})
    run(second, module(1.0), 12, first=8)
    assert all(torch.equal(whole.state_dict()[name], mean) for name, mean in second.state_dict().items())
