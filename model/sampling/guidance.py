"""Classifier-free guidance, in one convention: logits = cond + g × (cond - uncond), so that g = 0 is off (P14).

The null condition is the one of training: every given place is MASK, and what has been said stays. Both go through the
model in one call, as two rows.

Shapes are named by suffix: S segments, N places, B rows, L tokens of a row, C classes.
"""

from dataclasses import replace

import torch

from ...schemas.config.sampling import SamplingConfig
from ...schemas.vocabulary import Special
from ..network.inputs import Inputs


def guidance_weights(config: SamplingConfig, unmasked_S: torch.Tensor) -> torch.Tensor:
    """The weight g (S,), float64, of segments of which a share of the places has been said."""
    low, high = config.guidance_window
    ramp_S = unmasked_S if config.guidance_ramp else torch.ones_like(unmasked_S)
    return torch.where((unmasked_S >= low) & (unmasked_S < high), config.guidance * ramp_S, 0.0)


def with_unconditional(inputs: Inputs, given_L: torch.Tensor) -> Inputs:
    """One row and below it the same without its condition; each group asks for its places above, then below."""
    length = inputs.tokens_BL.shape[1]
    tokens_BL = torch.cat((inputs.tokens_BL, torch.where(given_L, int(Special.MASK), inputs.tokens_BL)))
    counts = [count for _, count in inputs.groups]
    place = [part for one in torch.split(inputs.query_N, counts) for part in (one, one + length)]
    classes = [part for one in torch.split(inputs.class_N, counts) for part in (one, one)]
    return replace(
        inputs,
        tokens_BL=tokens_BL,
        segment_BL=inputs.segment_BL.expand(2, -1),
        position_BL=inputs.position_BL.expand(2, -1),
        slice_BL=inputs.slice_BL.expand(2, -1),
        query_N=torch.cat(place),
        class_N=torch.cat(classes),
        groups=tuple((index, 2 * count) for index, count in inputs.groups),
    )


def apply_guidance(both_NC: torch.Tensor, weight_N: torch.Tensor) -> torch.Tensor:
    """Logits of places from those of `with_null`; a weight of 0 leaves them as they are."""
    cond_NC, uncond_NC = both_NC.chunk(2)
    return cond_NC + weight_N[:, None].to(cond_NC.dtype) * (cond_NC - uncond_NC)
