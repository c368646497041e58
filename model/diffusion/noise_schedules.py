"""Noise schedules: the mask rate as a function of time, and the weight of a masked token that follows from it.

At time t in (0, 1] a token is masked with probability m(t) = 1 - alpha(t), where m(0) = 0 and m(1) = 1. The bound

    integral of -alpha'(t) / (1 - alpha(t)) * E[sum of masked cross-entropies] dt = integral of m'(t) / m(t) * E[...] dt

depends on m alone (substitute m for t). So all schedules have the same expectation and differ only in variance. Names
and forms are those of MDLM (Sahoo et al. 2024, https://arxiv.org/abs/2406.07524) and MD4 (Shi et al. 2024,
https://arxiv.org/abs/2406.04329).
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from ...schemas.config.model import MaskedObjective


class Schedule(Protocol):
    """Mask rate m(t), its derivative and its inverse, on float64 tensors."""

    def mask_rate(self, t: torch.Tensor) -> torch.Tensor:
        """m(t) = 1 - alpha(t), the probability that a token is masked at time t."""
        ...

    def slope(self, t: torch.Tensor) -> torch.Tensor:
        """m'(t) = -alpha'(t); the weight of a masked token is slope / mask_rate."""
        ...

    def time(self, m: torch.Tensor) -> torch.Tensor:
        """The inverse: t with m(t) = m."""
        ...


@dataclass(frozen=True)
class Polynomial:
    """m(t) = t^power; power 1 is the linear schedule."""

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
    """m(t) = sin(pi t / 2), which is MaskGIT's cos(pi r / 2) with r = 1 - t (https://arxiv.org/abs/2202.04200)."""

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
