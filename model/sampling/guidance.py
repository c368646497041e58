"""Classifier-free guidance (https://arxiv.org/abs/2207.12598): logits = cond + g * (cond - uncond), so g = 0 is off.

Other codebases write uncond + s * (cond - uncond), where s = g + 1. The unconditional input is that of training: every
given position is MASK, and tokens sampled so far stay visible. Both inputs go through the model in one call, as two
rows.

Shapes are named by suffix: S segments, N queried positions, B rows, L tokens per row, C classes.
"""

from dataclasses import replace

import torch

from ...schemas.config.sampling import SamplingConfig
from ...schemas.vocabulary import Special
from ..network.inputs import Inputs


def guidance_weights(config: SamplingConfig, unmasked_S: torch.Tensor) -> torch.Tensor:
    """Guidance weight g of each segment.

    Args:
        config: Settings: `guidance`, `guidance_window` and `guidance_ramp`.
        unmasked_S: Share of each segment's targets that has been sampled, float64.

    Returns:
        Weights (S,), float64.
    """
    low, high = config.guidance_window
    ramp_S = unmasked_S if config.guidance_ramp else torch.ones_like(unmasked_S)
    return torch.where((unmasked_S >= low) & (unmasked_S < high), config.guidance * ramp_S, 0.0)


def with_unconditional(inputs: Inputs, given_L: torch.Tensor) -> Inputs:
    """Add a second row that is the same without its condition.

    Args:
        inputs: A single row.
        given_L: Positions of the condition, bool.

    Returns:
        Inputs of two rows; each group queries its positions in the first row, then in the second.
    """
    length = inputs.tokens_BL.shape[1]
    tokens_BL = torch.cat((inputs.tokens_BL, torch.where(given_L, int(Special.MASK), inputs.tokens_BL)))
    counts = [count for _, count in inputs.groups]
    query = [part for one in torch.split(inputs.query_N, counts) for part in (one, one + length)]
    classes = [part for one in torch.split(inputs.class_N, counts) for part in (one, one)]
    return replace(
        inputs,
        tokens_BL=tokens_BL,
        segment_BL=inputs.segment_BL.expand(2, -1),
        position_BL=inputs.position_BL.expand(2, -1),
        slice_BL=inputs.slice_BL.expand(2, -1),
        query_N=torch.cat(query),
        class_N=torch.cat(classes),
        groups=tuple((index, 2 * count) for index, count in inputs.groups),
    )


def apply_guidance(both_NC: torch.Tensor, weight_N: torch.Tensor) -> torch.Tensor:
    """Combine the logits of a group from `with_unconditional`; a weight of 0 leaves them unchanged.

    Args:
        both_NC: Conditional logits, then unconditional logits.
        weight_N: Guidance weight of each position.

    Returns:
        Guided logits; half as many rows as `both_NC`.
    """
    cond_NC, uncond_NC = both_NC.chunk(2)
    return cond_NC + weight_N[:, None].to(cond_NC.dtype) * (cond_NC - uncond_NC)
