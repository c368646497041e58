"""How far a sampler is: the share of places said, as a function of the step's number and of nothing else (P11).

Shapes are named by suffix: G groups.
"""

import math

import torch

from ...schemas.config.sampling import Grid

# A share times a count that is whole but for rounding is whole.
ROUNDING = 1e-9


def unmasked_share(grid: Grid, progress: torch.Tensor) -> torch.Tensor:
    """Share of places that are said at a progress from 0 to 1, float64; 0 at 0 and 1 at 1.

    `cosine` leaves cos(πp/2) masked (Chang et al. 2022): few places are said at once while little is known.
    """
    return progress if grid == "linear" else 1 - torch.cos(progress * (math.pi / 2))


def unmask_counts(open_G: torch.Tensor, size_G: torch.Tensor, unmasked_G: torch.Tensor) -> torch.Tensor:
    """How many of the places still open in each group are to be said in the step that ends with this share said."""
    left_G = torch.floor(size_G * (1 - unmasked_G) + ROUNDING).long()
    return (open_G - left_G).clamp(min=0)
