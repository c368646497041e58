"""A codebook that follows the encoder: each code is the moving average of the latents it was nearest to.

Averages keep up with the encoder where gradients lag behind it (van den Oord et al. 2017, appendix A.1), and a
code that falls out of use is moved onto a latent of the batch at hand.
"""

import numpy as np
import torch

from .kmeans import sums_by_code

DECAY = 0.99
DEAD = 0.02  # of the mean use


class MovingCodebook:
    """Moving counts and sums behind (codes, width) weights, which it rewrites in place."""

    def __init__(self, weight: torch.Tensor, latents: int) -> None:
        """`weight` holds the first codes; `latents` is how many vectors an update brings."""
        self._weight = weight
        self._counts = torch.full((len(weight),), latents / len(weight))
        self._sums = weight * self._counts[:, None]

    def update(self, rows: torch.Tensor, nearest: torch.Tensor, random: np.random.Generator | None) -> None:
        """Take in (n, width) latents and their codes; codes out of use move if there is a `random` to place them."""
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
