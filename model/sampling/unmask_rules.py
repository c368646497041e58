"""Rules that choose places: those that need no predictions, and those that go by what the model is sure of.

All are pure functions of arrays: draws and scores come in, masks go out, and no segment knows of another.

Shapes are named by suffix: G groups of places (blocks.py), T tokens of all segments, N places asked for, C classes.
"""

import torch

from ...schemas.config.sampling import Rule
from ..keyed_random import rank_within
from .sample_token import CHUNK

ADAPTIVE: frozenset[Rule] = frozenset({"threshold", "entropy-bounded"})
FIXED_POINT = 2.0**32  # sums of nats as integers: the same in any order, so for any segments beside one's own


def select_lowest(key_N: torch.Tensor, group_N: torch.Tensor, count_G: torch.Tensor) -> torch.Tensor:
    """The so many places of each group with the least keys (unsigned 64 bits, of which 40 count)."""
    return rank_within(group_N, key_N) < count_G[group_N]


def above_threshold(score_N: torch.Tensor, group_N: torch.Tensor, least: float) -> torch.Tensor:
    """Places whose score reaches the threshold, and of each group the best at any rate (Wu et al. 2025)."""
    return (score_N >= least) | (rank_within(group_N, descending(score_N)) == 0)


def within_entropy_bound(entropy_N: torch.Tensor, group_N: torch.Tensor, bound: float) -> torch.Tensor:
    """The most places, by rising entropy, whose entropies without the greatest sum to the bound (Ben-Hamu et al. 2025).

    What places said together know of one another is no more than that sum; one place can always be said.
    """
    rank_N = rank_within(group_N, descending(-entropy_N))
    order_N = torch.argsort(group_N * len(group_N) + rank_N)
    fixed_N = (entropy_N.double() * FIXED_POINT).long()[order_N]
    before_N = fixed_N.cumsum(0) - fixed_N
    start_N = torch.arange(len(order_N), device=order_N.device) - rank_N[order_N]
    chosen_N = torch.empty_like(group_N, dtype=torch.bool)
    chosen_N[order_N] = before_N - before_N[start_N] <= int(bound * FIXED_POINT)
    return chosen_N


def remdm_probabilities(
    rule: Rule, progress: torch.Tensor, now: torch.Tensor, after: torch.Tensor, chance: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Chances of a masked place to be said, and of one said to be masked again, in a step (ReMDM, Wang et al. 2025).

    `now` and `after` are shares said at its ends. `cap` takes tokens back at most at the given rate all along; `loop`
    only at progress .45 to .95, through which .9 stay said. The rate is clamped to min(1, (1 - after) / now), which
    is 0 in the last step (P16).
    """
    rate = torch.where(now > 0, (1 - after) / now.clamp(min=1e-12), 1.0).clamp(0, chance)
    if rule == "remdm-loop":
        rate = torch.where((progress >= LOOP[0]) & (progress < LOOP[1]), rate, 0.0)
    said = torch.where(now < 1, (after - (1 - rate) * now) / (1 - now).clamp(min=1e-12), 1.0)
    return said.clamp(0, 1), rate


LOOP = (0.45, 0.95)  # t_on = .55 and t_off = .05, as progress
LOOP_UNMASKED = 0.9


def remdm_loop_share(progress: torch.Tensor) -> torch.Tensor:
    """Share said under `remdm-loop`: up to .9, as many through the loop, and the rest after it."""
    before, behind = progress / LOOP[0] * LOOP_UNMASKED, (progress - LOOP[1]) / (1 - LOOP[1]) * (1 - LOOP_UNMASKED)
    return torch.where(progress < LOOP[0], before, LOOP_UNMASKED + behind.clamp(min=0))


def score(rule: Rule, logits_NC: torch.Tensor) -> torch.Tensor:
    """How sure a rule is of each place (N,): log of the best chance, minus entropy, or lead over the second best."""
    rows = max(1, CHUNK // logits_NC.shape[1])
    return torch.cat([_score(rule, part) for part in torch.split(logits_NC, rows)])


def _score(rule: Rule, logits_NC: torch.Tensor) -> torch.Tensor:
    chance_NC = logits_NC.softmax(-1)
    best_N, class_N = chance_NC.max(-1)
    if rule in ("entropy", "entropy-bounded"):
        log_total_N = logits_NC.amax(-1) - best_N.log()
        mean_N: torch.Tensor = torch.linalg.vecdot(chance_NC, logits_NC)
        return mean_N - log_total_N
    if rule == "margin":
        return best_N - chance_NC.scatter_(-1, class_N[:, None], 0).amax(-1)
    return best_N.log()


def descending(score_N: torch.Tensor) -> torch.Tensor:
    """Keys for `first` that rise as scores fall: the bits of a float64, in the order of unsigned integers."""
    raw_N = (-score_N.double() + 0.0).view(torch.int64)
    return torch.where(raw_N < 0, ~raw_N, raw_N ^ torch.iinfo(torch.int64).min)


def annealed_scores(score_N: torch.Tensor, u_N: torch.Tensor, temperature: float, progress: float) -> torch.Tensor:
    """Scores with Gumbel noise that falls with the step from `temperature` to 0 (Chang et al. 2022; P11)."""
    return score_N.double() - temperature * (1 - progress) * torch.log(-torch.log(u_N))
