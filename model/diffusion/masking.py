"""Which tokens of a segment are masked, and the weight that makes their cross-entropy an estimate of the bound.

Exact-k masks k of a segment's n tokens, all choices of k alike. With P(k) the chance of this k, the weight 1 / (k P(k))
makes n-token sums unbiased: NELBO = sum over k of (1/k) E[sum of masked CE]. With a linear schedule P(k) = 1/n and the
weight is n/k, at most n: nothing has to be clamped. Another schedule draws k = ⌈m(u) n⌉ and has the P(k) of that.

Bernoulli masks each token with probability m(u), weight m'(u) / m(u).

The complement of a mask at level m is a mask at 1 - m. Exact-k's complement has n - k tokens and is empty at k = n;
there the whole segment is taken again, so that its counts are spread over 1 … n just as the first's are.

Shapes are named by suffix: S segments, T tokens of all rows.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from ...schemas.config.model import MaskedObjective
from ..keyed_random import rank_within, to_unit
from .noise_schedules import Schedule, schedule_of


class Masking(NamedTuple):
    """A mask over tokens and a weight for each segment's masked tokens."""

    masked_T: torch.Tensor  # bool
    weight_S: torch.Tensor  # float64


@dataclass(frozen=True)
class Noise:
    """What masks are made from: the tokens, and the draws of their keys."""

    index_T: torch.Tensor  # int64; a token's segment, S for padding
    open_T: torch.Tensor  # bool; may be masked
    draw_T: torch.Tensor  # int64; random bits
    level_S: torch.Tensor  # float64 in (0, 1); decides how much of a segment is masked


def maskings(objective: MaskedObjective, noise: Noise) -> list[Masking]:
    """One masking, or with anti-masking a pair, of which each estimates the same."""
    made = _exact_k if objective.estimator == "exact-k" else _bernoulli
    return made(schedule_of(objective), noise)[: objective.copies]


def _exact_k(schedule: Schedule, noise: Noise) -> list[Masking]:
    index_T, open_T, segments = noise.index_T, noise.open_T, len(noise.level_S)
    n_S = torch.bincount(index_T[open_T], minlength=segments).double().clamp(min=1)
    k_S = torch.ceil(schedule.masked(noise.level_S) * n_S).clamp(min=1).minimum(n_S)
    chance_S = schedule.time(k_S / n_S) - schedule.time((k_S - 1) / n_S)
    rank_T = rank_within(torch.where(open_T, index_T, segments), noise.draw_T)
    masked_T = open_T & (rank_T < _of_tokens(k_S, index_T))
    all_S = k_S == n_S
    rest_T = open_T & (~masked_T | _of_tokens(all_S, index_T))
    rest_S = torch.where(all_S, n_S, n_S - k_S)
    return [Masking(masked_T, 1 / (k_S * chance_S)), Masking(rest_T, 1 / (rest_S * chance_S))]


def _bernoulli(schedule: Schedule, noise: Noise) -> list[Masking]:
    share_S, slope_S = schedule.masked(noise.level_S), schedule.slope(noise.level_S)
    below_T = to_unit(noise.draw_T) < _of_tokens(share_S, noise.index_T)
    pair = (below_T, share_S), (~below_T, 1 - share_S)
    return [Masking(noise.open_T & masked_T, slope_S / share_S) for masked_T, share_S in pair]


def _of_tokens(value_S: torch.Tensor, index_T: torch.Tensor) -> torch.Tensor:
    """Each token's segment's value; padding's is 0."""
    return torch.cat((value_S, value_S.new_zeros(1)))[index_T]
