"""k-means for codebooks: the same centres whatever the machine's core count."""

import numpy as np
import numpy.typing as npt
import torch


def kmeans(points: torch.Tensor, codes: int, iterations: int, random: np.random.Generator) -> torch.Tensor:
    """(codes, width) centres of (n, width) points by Lloyd's iterations; n may be less than `codes`.

    An empty cluster restarts at one of the points that lie farthest from their centres.
    """
    chosen = random.permutation(len(points))[:codes]
    extra = random.integers(0, len(points), codes - len(chosen))
    spread = points.std(0, correction=0) + 1e-6
    centres = points[np.concatenate([chosen, extra])].clone()
    # copies are moved apart a little, or they would tie forever
    noise = random.standard_normal((len(extra), points.shape[1]), dtype=np.float32)
    centres[len(chosen) :] += 0.01 * spread * torch.from_numpy(noise)
    for _ in range(iterations):
        nearest, distance = assign(points, centres)
        counts = torch.bincount(nearest, minlength=codes)
        sums = torch.from_numpy(_sums(points.numpy(), nearest.numpy(), codes))
        filled = counts > 0
        centres[filled] = (sums[filled] / counts[filled, None]).float()
        empty = torch.nonzero(~filled).flatten()[: len(points)]
        centres[empty] = points[torch.argsort(distance, descending=True, stable=True)[: len(empty)]]
    return centres


def assign(points: torch.Tensor, centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Index of each point's nearest centre, and the squared distance to it (less a constant per centre set)."""
    norms = centres.square().sum(1)
    nearest, best = [], []
    for block in torch.split(points, 8192):  # bounds the matrix of distances
        distance = torch.addmm(norms, block, centres.T, alpha=-2)
        smallest, index = distance.min(1)
        nearest.append(index)
        best.append(smallest + block.square().sum(1))
    return torch.cat(nearest), torch.cat(best)


def _sums(points: npt.NDArray[np.float32], nearest: npt.NDArray[np.int64], codes: int) -> npt.NDArray[np.float64]:
    # bincount adds in order and in float64, so the sum is the same for any thread count
    return np.stack([np.bincount(nearest, column, codes) for column in points.T], axis=1)
