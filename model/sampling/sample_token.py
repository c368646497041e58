"""Sample tokens from logits by inverting the cumulative distribution with one float64 uniform number each.

Gumbel noise from 24-bit uniforms truncates rare tokens, and the more steps are taken, the more (Zheng et al. 2024,
https://arxiv.org/abs/2409.02908). Here positions are chosen first, each is drawn once, and its uniform has 52 bits.
Probabilities are float32, which is precise also for rare classes; their sums are float64.

Shapes are named by suffix: N positions, C classes of one slice.
"""

import torch

from ...schemas.config.sampling import SamplingConfig

CHUNK = 1 << 19  # logits at a time, so that intermediate results stay in the processor's cache


def sample_classes(logits_NC: torch.Tensor, u_N: torch.Tensor, config: SamplingConfig) -> torch.Tensor:
    """Sample a class for each position.

    Args:
        logits_NC: float32 logits.
        u_N: Uniform numbers in (0, 1), float64.
        config: Settings: `temperature` is applied first, then `top_k`, then `top_p`.

    Returns:
        Classes (N,), int64.
    """
    rows = max(1, CHUNK // logits_NC.shape[1])
    pairs = zip(torch.split(logits_NC, rows), torch.split(u_N, rows), strict=True)
    return torch.cat([_sample_chunk(logits, u, config) for logits, u in pairs])


def _sample_chunk(logits_NC: torch.Tensor, u_N: torch.Tensor, config: SamplingConfig) -> torch.Tensor:
    if config.temperature == 0:
        return logits_NC.argmax(-1)
    if config.temperature != 1:
        logits_NC = logits_NC / config.temperature
    if config.top_k and config.top_k < logits_NC.shape[1]:
        least_N1 = logits_NC.topk(config.top_k).values[:, -1:]
        logits_NC = logits_NC.masked_fill(logits_NC < least_N1, -torch.inf)
    chance_NC = logits_NC.softmax(-1)
    if config.top_p < 1:
        chance_NC = nucleus(chance_NC, config.top_p)
    below_NC = chance_NC.cumsum(-1, dtype=torch.float64)
    total_N1 = below_NC[:, -1:]
    reached_N1 = torch.minimum(u_N[:, None] * total_N1, torch.nextafter(total_N1, torch.zeros_like(total_N1)))
    return torch.searchsorted(below_NC, reached_N1, right=True)[:, 0]


def nucleus(chance_NC: torch.Tensor, share: float) -> torch.Tensor:
    """Nucleus (top-p) truncation (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).

    Args:
        chance_NC: Probabilities.
        share: Probability p that the kept classes must reach together.

    Returns:
        Probabilities with 0 for all but the fewest most likely classes that reach `share`; not renormalised.
    """
    ordered_NC, class_NC = chance_NC.sort(dim=-1, descending=True, stable=True)
    before_NC = ordered_NC.cumsum(-1, dtype=torch.float64) - ordered_NC
    return torch.zeros_like(chance_NC).scatter(-1, class_NC, ordered_NC.masked_fill(before_NC >= share, 0))
