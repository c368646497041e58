"""Noise schedules: how the share of masked tokens goes with time, and the weight that makes the bound of it.

At time t in (0, 1] a token is masked with probability m(t) = 1 - α(t); m(0) = 0 and m(1) = 1. The bound
∫ -α'/(1-α) · E[sum of masked CE] dt = ∫ m'/m · E[…] dt depends on m alone, by substitution, so that every schedule
has the same expectation and differs in noise (Sahoo et al. 2024; Shi et al. 2024, whose names and forms these are).
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from ...schemas.config.model import MaskedObjective


class Schedule(Protocol):
    """m(t), its slope and its inverse, on float64 tensors."""

    def mask_rate(self, t: torch.Tensor) -> torch.Tensor:
        """m(t) = 1 - α(t)."""
        ...

    def slope(self, t: torch.Tensor) -> torch.Tensor:
        """m'(t) = -α'(t); the weight of a masked token is slope / masked."""
        ...

    def time(self, m: torch.Tensor) -> torch.Tensor:
        """The t at which m(t) = m."""
        ...


@dataclass(frozen=True)
class Polynomial:
    """m = t^power; a power of 1 is the linear schedule."""

    power: float = 1.0

    def mask_rate(self, t: torch.Tensor) -> torch.Tensor:
        """m(t)."""
        return t**self.power

    def slope(self, t: torch.Tensor) -> torch.Tensor:
        """m'(t)."""
        return self.power * t ** (self.power - 1)

    def time(self, m: torch.Tensor) -> torch.Tensor:
        """The inverse of m."""
        return m ** (1 / self.power)


@dataclass(frozen=True)
class Cosine:
    """m = sin(πt/2), which is MaskGIT's cos(πr/2) with r = 1 - t."""

    def mask_rate(self, t: torch.Tensor) -> torch.Tensor:
        """m(t)."""
        return torch.sin(t * (math.pi / 2))

    def slope(self, t: torch.Tensor) -> torch.Tensor:
        """m'(t)."""
        return torch.cos(t * (math.pi / 2)) * (math.pi / 2)

    def time(self, m: torch.Tensor) -> torch.Tensor:
        """The inverse of m."""
        return torch.asin(m) / (math.pi / 2)


def schedule_of(objective: MaskedObjective) -> Schedule:
    """The schedule that an objective names."""
    if objective.schedule == "cosine":
        return Cosine()
    return Polynomial(1.0 if objective.schedule == "linear" else objective.power or 2.0)
