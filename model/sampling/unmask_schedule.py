"""Unmask schedule: the share of positions unmasked after each step, as a function of the step number alone.

Shapes are named by suffix: G groups of positions.
"""

import math

import torch

from ...schemas.config.sampling import Grid

# Tolerance within which a share times a count is taken for an integer.
ROUNDING = 1e-9


def unmasked_share(grid: Grid, progress: torch.Tensor, shift: float = 1.0) -> torch.Tensor:
    """Share of positions that is unmasked at a progress from 0 to 1; 0 at 0 and 1 at 1.

    `cosine` leaves a share of cos(pi p / 2) masked (MaskGIT, https://arxiv.org/abs/2202.04200): few positions are
    unmasked at once while little context is known.

    Args:
        grid: `linear` or `cosine`.
        progress: Progress of the sampler or of each block, float64.
        shift: s of the time shift t → st / (1 + (s - 1)t) of the share (Esser et al. 2024,
            https://arxiv.org/abs/2403.03206); below 1, few positions are unmasked at first.
    """
    share = progress if grid == "linear" else 1 - torch.cos(progress * (math.pi / 2))
    return share if shift == 1 else shift * share / (1 + (shift - 1) * share)


def unmask_counts(masked_G: torch.Tensor, size_G: torch.Tensor, unmasked_G: torch.Tensor) -> torch.Tensor:
    """Number of positions of each group to unmask in a step.

    Args:
        masked_G: Positions of each group that are masked now.
        size_G: Positions of each group.
        unmasked_G: Share that is to be unmasked at the end of the step.

    Returns:
        int64 (G,).
    """
    left_G = torch.floor(size_G * (1 - unmasked_G) + ROUNDING).long()
    return (masked_G - left_G).clamp(min=0)
