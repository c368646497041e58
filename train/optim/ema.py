"""A running mean of the weights, to be saved with a checkpoint and evaluated in their place.

A fixed decay means nothing at small budgets: 0.9999 remembers 6,931 steps. Here the half-life is a share of the run,
and the mean forgets its beginning by the warm-up (1 + n) / (10 + n) of n updates.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ...schemas.config.training import EmaConfig


class Ema:
    """The mean of a model's parameters, float32, laid out over devices and processes as they are."""

    def __init__(self, model: torch.nn.Module, config: EmaConfig, steps: int) -> None:
        self._decay = 0.5 ** (1 / max(config.half_life * steps, 1e-9))
        self._mean = {name: parameter.detach().float().clone() for name, parameter in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module, step: int) -> None:
        """Take in the weights after `step`, counted from 0."""
        weight = 1 - min(self._decay, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            self._mean[name].lerp_(parameter.detach().float(), weight)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The mean by parameter name; loading in place writes into these."""
        return self._mean

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Take over a saved mean."""
        for name, mean in self._mean.items():
            mean.copy_(state[name])

    @contextmanager
    def swapped(self, model: torch.nn.Module) -> Iterator[None]:
        """The mean in the model's place, and the weights back in theirs afterwards."""
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
