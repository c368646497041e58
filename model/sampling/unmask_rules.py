"""Unmask rules: which masked positions to unmask in a step, with or without looking at the model's predictions.

All functions are pure functions of tensors of draws or scores; no result depends on another group.

Shapes are named by suffix: G groups of positions (blocks.py), T tokens of all segments, N queried positions, C classes.
"""

import torch

from ...schemas.config.sampling import Rule
from ..keyed_random import rank_within
from .sample_token import CHUNK

ADAPTIVE: frozenset[Rule] = frozenset({"threshold", "entropy-bounded"})
FIXED_POINT = 2.0**32  # sums of integers do not depend on the order of summation, so not on other segments


def select_lowest(key_N: torch.Tensor, group_N: torch.Tensor, count_G: torch.Tensor) -> torch.Tensor:
    """Select the positions of each group with the lowest keys.

    Args:
        key_N: Sort keys, compared as unsigned 64-bit integers by their upper 40 bits.
        group_N: Group of each position.
        count_G: Number of positions to select in each group.

    Returns:
        bool (N,).
    """
    return rank_within(group_N, key_N) < count_G[group_N]


def above_threshold(score_N: torch.Tensor, group_N: torch.Tensor, threshold: float) -> torch.Tensor:
    """Select positions whose score reaches the threshold, and always the best of each group (Wu et al. 2025).

    This is the parallel decoding of Fast-dLLM, https://arxiv.org/abs/2505.22618.
    """
    return (score_N >= threshold) | (rank_within(group_N, descending_keys(score_N)) == 0)


def within_entropy_bound(entropy_N: torch.Tensor, group_N: torch.Tensor, bound: float) -> torch.Tensor:
    """Entropy-bounded unmasking (Ben-Hamu et al. 2025, https://arxiv.org/abs/2505.24857).

    Select as many positions of each group as possible, in order of rising entropy, whose entropies without the largest
    one sum to at most the bound. That sum bounds the information that tokens sampled together have about one another.
    At least one position is always selected.

    Args:
        entropy_N: Entropy of each prediction in nats.
        group_N: Group of each position.
        bound: Bound in nats.

    Returns:
        bool (N,).
    """
    rank_N = rank_within(group_N, descending_keys(-entropy_N))
    order_N = torch.argsort(group_N * len(group_N) + rank_N)
    fixed_N = (entropy_N.double() * FIXED_POINT).long()[order_N]
    before_N = fixed_N.cumsum(0) - fixed_N
    start_N = torch.arange(len(order_N), device=order_N.device) - rank_N[order_N]
    chosen_N = torch.empty_like(group_N, dtype=torch.bool)
    chosen_N[order_N] = before_N - before_N[start_N] <= int(bound * FIXED_POINT)
    return chosen_N


def remdm_probabilities(
    rule: Rule, progress: torch.Tensor, share: torch.Tensor, next_share: torch.Tensor, max_rate: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities of a step of ReMDM (Wang et al. 2025, https://arxiv.org/abs/2503.00307).

    Rule `remdm-cap` masks sampled tokens again at most at the given rate in all steps; `remdm-loop` only at progress
    0.45 to 0.95, during which a share of 0.9 stays unmasked. The rate is clamped to min(1, (1 - next_share) / share),
    which is 0 in the last step.

    Args:
        rule: `remdm-cap` or `remdm-loop`.
        progress: Progress at the beginning of the step, from 0 to 1.
        share: Share of positions unmasked at the beginning of the step.
        next_share: Share of positions unmasked at its end.
        max_rate: Highest probability of masking a token again.

    Returns:
        The probability that a masked position is unmasked, and that an unmasked position is masked again.
    """
    rate = ((1 - next_share) / share.clamp(min=1e-12)).clamp(0, max_rate)
    if rule == "remdm-loop":
        rate = torch.where((progress >= LOOP[0]) & (progress < LOOP[1]), rate, 0.0)
    unmask = torch.where(share < 1, (next_share - (1 - rate) * share) / (1 - share).clamp(min=1e-12), 1.0)
    return unmask.clamp(0, 1), rate


LOOP = (0.45, 0.95)  # t_on = .55 and t_off = .05, as progress
LOOP_UNMASKED = 0.9


def remdm_loop_share(progress: torch.Tensor) -> torch.Tensor:
    """Share of positions unmasked under `remdm-loop`: up to 0.9 before the loop, constant in it, the rest after it."""
    before, behind = progress / LOOP[0] * LOOP_UNMASKED, (progress - LOOP[1]) / (1 - LOOP[1]) * (1 - LOOP_UNMASKED)
    return torch.where(progress < LOOP[0], before, LOOP_UNMASKED + behind.clamp(min=0))


def score(rule: Rule, logits_NC: torch.Tensor) -> torch.Tensor:
    """Confidence of each prediction (N,), higher is better.

    Rule `entropy` and `entropy-bounded`: minus the entropy in nats; `margin`: the difference of the two highest
    probabilities; all others: log of the highest probability.
    """
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


def descending_keys(score_N: torch.Tensor) -> torch.Tensor:
    """Sort keys for `select_lowest` that rise as scores fall: the bits of a float64, ordered as unsigned integers."""
    raw_N = (-score_N.double() + 0.0).view(torch.int64)
    return torch.where(raw_N < 0, ~raw_N, raw_N ^ torch.iinfo(torch.int64).min)


def annealed_scores(score_N: torch.Tensor, u_N: torch.Tensor, temperature: float, progress: float) -> torch.Tensor:
    """Add Gumbel noise that falls linearly from `temperature` to 0 (MaskGIT, https://arxiv.org/abs/2202.04200).

    Args:
        score_N: Scores.
        u_N: Uniform numbers in (0, 1), float64.
        temperature: Factor of the noise at progress 0.
        progress: Progress of the sampler from 0 to 1, computed from the step number.
    """
    return score_N.double() - temperature * (1 - progress) * torch.log(-torch.log(u_N))


def calibrated_scores(logits_NC: torch.Tensor, group_N: torch.Tensor) -> torch.Tensor:
    """Log of the highest probability, minus the log of what that class has on average over the group.

    Confidence alone prefers tokens that are likely everywhere, such as silence, and unmasks them long before the tokens
    that depend on them. This is the calibration of Chatterbox-Flash (https://arxiv.org/abs/2605.30748).

    Args:
        logits_NC: Logits of positions of one slice.
        group_N: Group of each position.

    Returns:
        float32 (N,).
    """
    chance_NC = logits_NC.softmax(-1)
    best_N, class_N = chance_NC.max(-1)
    _, group_N, count_G = torch.unique(group_N, return_inverse=True, return_counts=True)
    total_GC = torch.zeros(len(count_G), chance_NC.shape[1], dtype=torch.float64, device=chance_NC.device)
    total_GC.index_add_(0, group_N, chance_NC.double())
    mean_N = total_GC[group_N, class_N] / count_G[group_N]
    lift_N: torch.Tensor = best_N.log() - mean_N.log().float()
    return lift_N


def gumbel(u_N: torch.Tensor) -> torch.Tensor:
    """Standard Gumbel noise of uniform numbers in (0, 1): positions in the order of rising u have falling noise."""
    noise_N: torch.Tensor = -torch.log(-torch.log1p(-u_N))
    return noise_N
