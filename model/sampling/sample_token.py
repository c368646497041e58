"""A token from logits: one float64 uniform through the inverse of the distribution function.

Gumbel noise from 24-bit uniforms truncates rare tokens, the more so the more often it is drawn for a place that then
stays masked (P6). Here places are chosen beforehand, a place is drawn once, and its uniform has 52 bits. Chances are
float32, which keeps the size of rare ones as well as of others; their sums are float64.

Shapes are named by suffix: N places, C classes of one slice.
"""

import torch

from ...schemas.config.sampling import SamplingConfig

CHUNK = 1 << 19  # classes at a time, so that what is between logits and tokens stays in a cache


def sample_classes(logits_NC: torch.Tensor, u_N: torch.Tensor, config: SamplingConfig) -> torch.Tensor:
    """Classes (N,) for uniforms in (0, 1): tempered, then cut to `top_k`, then to `top_p`."""
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
    """Chances with 0 for all but the fewest likeliest classes that together have the share (Holtzman et al. 2020)."""
    ordered_NC, class_NC = chance_NC.sort(dim=-1, descending=True, stable=True)
    before_NC = ordered_NC.cumsum(-1, dtype=torch.float64) - ordered_NC
    return torch.zeros_like(chance_NC).scatter(-1, class_NC, ordered_NC.masked_fill(before_NC >= share, 0))
