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


class WeightedMask(NamedTuple):
    """A mask over tokens and a weight for each segment's masked tokens."""

    masked_T: torch.Tensor  # bool
    weight_S: torch.Tensor  # float64


@dataclass(frozen=True)
class MaskDraws:
    """What masks are made from: the tokens, and the draws of their keys."""

    index_T: torch.Tensor  # int64; a token's segment, S for padding
    target_T: torch.Tensor  # bool; may be masked
    draw_T: torch.Tensor  # int64; random bits
    level_S: torch.Tensor  # float64 in (0, 1); decides how much of a segment is masked


def draw_masks(objective: MaskedObjective, draws: MaskDraws) -> list[WeightedMask]:
    """One masking, or with anti-masking a pair, of which each estimates the same."""
    made = _exact_k if objective.estimator == "exact-k" else _bernoulli
    return made(schedule_of(objective), draws)[: objective.copies]


def _exact_k(schedule: Schedule, draws: MaskDraws) -> list[WeightedMask]:
    index_T, target_T, segments = draws.index_T, draws.target_T, len(draws.level_S)
    n_S = torch.bincount(index_T[target_T], minlength=segments).double().clamp(min=1)
    k_S = torch.ceil(schedule.mask_rate(draws.level_S) * n_S).clamp(min=1).minimum(n_S)
    chance_S = schedule.time(k_S / n_S) - schedule.time((k_S - 1) / n_S)
    rank_T = rank_within(torch.where(target_T, index_T, segments), draws.draw_T)
    masked_T = target_T & (rank_T < _of_tokens(k_S, index_T))
    all_S = k_S == n_S
    rest_T = target_T & (~masked_T | _of_tokens(all_S, index_T))
    rest_S = torch.where(all_S, n_S, n_S - k_S)
    return [WeightedMask(masked_T, 1 / (k_S * chance_S)), WeightedMask(rest_T, 1 / (rest_S * chance_S))]


def _bernoulli(schedule: Schedule, draws: MaskDraws) -> list[WeightedMask]:
    share_S, slope_S = schedule.mask_rate(draws.level_S), schedule.slope(draws.level_S)
    below_T = to_unit(draws.draw_T) < _of_tokens(share_S, draws.index_T)
    pair = (below_T, share_S), (~below_T, 1 - share_S)
    return [WeightedMask(draws.target_T & masked_T, slope_S / share_S) for masked_T, share_S in pair]


def _of_tokens(value_S: torch.Tensor, index_T: torch.Tensor) -> torch.Tensor:
    """Each token's segment's value; padding's is 0."""
    return torch.cat((value_S, value_S.new_zeros(1)))[index_T]
