"""A VQ codebook updated by moving averages: each code is the moving average of the latents assigned to it.

Moving averages follow the encoder faster than gradients (van den Oord et al. 2017, appendix A.1,
https://arxiv.org/abs/1711.00937). A code that is no longer used is moved onto a latent of the current batch.
"""

import numpy as np
import torch

from .kmeans import sums_by_code

DECAY = 0.99
DEAD = 0.02  # share of the mean use below which a code counts as unused


class MovingCodebook:
    """Moving counts and sums that update (codes, width) codebook weights in place."""

    def __init__(self, weight: torch.Tensor, latents: int) -> None:
        """Start from a given codebook.

        Args:
            weight: (codes, width) initial codes, which are updated in place.
            latents: Number of vectors per update.
        """
        self._weight = weight
        self._counts = torch.full((len(weight),), latents / len(weight))
        self._sums = weight * self._counts[:, None]

    def update(self, rows: torch.Tensor, nearest: torch.Tensor, random: np.random.Generator | None) -> None:
        """Update the codes with the latents of a batch.

        Args:
            rows: (n, width) latents.
            nearest: (n,) index of the code of each latent.
            random: Chooses the latents to which unused codes are moved; None leaves unused codes in place.
        """
        counts = torch.bincount(nearest, minlength=len(self._weight)).float()
        self._counts.lerp_(counts, 1 - DECAY)
        self._sums.lerp_(sums_by_code(rows, nearest, len(self._weight)).float(), 1 - DECAY)
        if random is not None:
            mean = self._counts.mean()
            dead = torch.nonzero(self._counts < DEAD * mean).flatten()[: len(rows)]
            chosen = rows[torch.from_numpy(random.permutation(len(rows))[: len(dead)])]
            self._counts[dead] = mean
            self._sums[dead] = chosen * mean
        used = self._counts > 1e-6
        self._weight[used] = self._sums[used] / self._counts[used, None]
