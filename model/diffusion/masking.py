"""Choose the masked tokens of a segment, and the weight with which their cross-entropy estimates the bound.

Exact-k masks exactly k of a segment's n tokens, each choice of k tokens equally likely. With P(k) the probability of
this k, the weight is 1 / (k P(k)), because NELBO = sum over k of (1/k) E[sum of cross-entropies of the k masked
tokens]. With a linear schedule P(k) = 1/n and the weight is n/k, at most n: nothing has to be clamped. Other schedules
draw k = ceil(m(u) n) and have the P(k) that follows from it.

Bernoulli masks each token with probability m(u); the weight is m'(u) / m(u).

The complement of a mask at level m is a mask at level 1 - m. The complement of exact-k has n - k tokens and is empty at
k = n; in that case the whole segment is masked again, so that the complements' counts are spread over 1 ... n as well.

Shapes are named by suffix: S segments, T tokens of all rows.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from ...schemas.config.model import MaskedObjective
from ..keyed_random import rank_within, to_unit
from .noise_schedules import Schedule, schedule_of


class WeightedMask(NamedTuple):
    """A mask over tokens and the weight of each segment's masked tokens."""

    masked_T: torch.Tensor  # bool
    weight_S: torch.Tensor  # float64


@dataclass(frozen=True)
class MaskDraws:
    """The maskable tokens and their random draws, from which masks are made."""

    index_T: torch.Tensor  # int64; segment of each token, S for padding
    target_T: torch.Tensor  # bool; may be masked
    draw_T: torch.Tensor  # int64; random bits
    level_S: torch.Tensor  # float64 in (0, 1); decides how many tokens of a segment are masked


def draw_masks(objective: MaskedObjective, draws: MaskDraws) -> list[WeightedMask]:
    """One mask, or with anti-masking a mask and its complement, each with weights for an estimate of the same bound."""
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
    """Spread a value per segment over its tokens; padding gets 0."""
    return torch.cat((value_S, value_S.new_zeros(1)))[index_T]
