"""k-means clustering for codebooks."""

import numpy as np
import torch

BLOCK = 8192


def kmeans(points: torch.Tensor, codes: int, iterations: int, random: np.random.Generator) -> torch.Tensor:
    """Compute cluster centres by Lloyd's algorithm.

    An empty cluster restarts at one of the points with the largest distance to their centre.

    Args:
        points: (n, width), n >= 1; n may be less than `codes`.
        codes: Number of clusters.
        iterations: Number of iterations.
        random: Draws the initial centres.

    Returns:
        (codes, width) centres.
    """
    chosen = random.permutation(len(points))[:codes]
    again = random.integers(0, len(points), codes - len(chosen))
    centres = points[torch.from_numpy(np.concatenate([chosen, again]))].clone()
    for _ in range(iterations):
        nearest, distance = assign(points, centres)
        counts = torch.bincount(nearest, minlength=codes)
        filled = counts > 0
        centres[filled] = (sums_by_code(points, nearest, codes)[filled] / counts[filled, None]).float()
        empty = torch.nonzero(~filled).flatten()[: len(points)]
        centres[empty] = points[torch.argsort(distance, descending=True, stable=True)[: len(empty)]]
    return centres


def assign(points: torch.Tensor, centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the index of each point's nearest centre, (n,), and the squared distance to it, (n,)."""
    norms = centres.square().sum(1)
    nearest, squared = [], []
    for block in torch.split(points, BLOCK):  # bounds the size of the distance matrix
        smallest, index = torch.addmm(norms, block, centres.T, alpha=-2).min(1)
        nearest.append(index)
        squared.append(smallest + block.square().sum(1))
    return torch.cat(nearest), torch.cat(squared)


def sums_by_code(points: torch.Tensor, nearest: torch.Tensor, codes: int) -> torch.Tensor:
    """Sum the points of each code to (codes, width) float64, in the order of the points."""
    index = nearest.numpy()
    return torch.from_numpy(np.stack([np.bincount(index, column, codes) for column in points.T.numpy()], axis=1))
