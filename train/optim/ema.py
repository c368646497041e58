"""Exponential moving average (EMA) of the weights, saved with a checkpoint and evaluated in place of the weights.

A fixed decay does not suit short runs: 0.9999 has a half-life of 6,931 steps. Here the half-life is a share of the run,
and a warm-up limits the decay after n updates to (1 + n) / (10 + n), so that the initial weights are forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ...schemas.config.training import EmaConfig


class Ema:
    """Moving average of a model's parameters, float32, sharded over devices and processes as the parameters are."""

    def __init__(self, model: torch.nn.Module, config: EmaConfig, steps: int) -> None:
        self._decay = 0.5 ** (1 / max(config.half_life * steps, 1e-9))
        self._mean = {name: parameter.detach().float().clone() for name, parameter in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module, step: int) -> None:
        """Update the average with the weights after `step`, counted from 0."""
        weight = 1 - min(self._decay, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            self._mean[name].lerp_(parameter.detach().float(), weight)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The averages by parameter name; they are updated in place."""
        return self._mean

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Load saved averages."""
        for name, mean in self._mean.items():
            mean.copy_(state[name])

    @contextmanager
    def swapped(self, model: torch.nn.Module) -> Iterator[None]:
        """Put the averages into the model, and restore the weights afterwards."""
        kept = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        self._put(model, self._mean)
        try:
            yield
        finally:
            self._put(model, kept)

    @torch.no_grad()
    def _put(self, model: torch.nn.Module, values: dict[str, torch.Tensor]) -> None:
        for name, parameter in model.named_parameters():
            parameter.copy_(values[name])
