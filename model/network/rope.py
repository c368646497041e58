"""Rotary position embeddings (RoPE, Su et al. 2021, https://arxiv.org/abs/2104.09864), restarted in each segment.

Shapes are named by suffix: B rows, L tokens per row, H heads, E size of a head, F = E / 2.
"""

import torch

BASE = 10_000.0


def rotation(position_BL: torch.Tensor, head_size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of each position's angles; computed once per batch, for all layers.

    Args:
        position_BL: Position of each token in its segment.
        head_size: E, even.

    Returns:
        Cosines and sines, float32 (B, L, 1, F).
    """
    steps_F = torch.arange(0, head_size, 2, device=position_BL.device, dtype=torch.float32) / head_size
    angle_BLF = position_BL[..., None].float() * BASE**-steps_F
    return angle_BLF.cos()[:, :, None], angle_BLF.sin()[:, :, None]


def rotate(x_BLHE: torch.Tensor, cos_sin: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Rotate the pairs (x_i, x_{i+F}) of each head, in float32; the result has the type of `x_BLHE`."""
    cos, sin = cos_sin
    left, right = x_BLHE.float().chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), dim=-1).type_as(x_BLHE)
