"""Registers one reduced image to another by least squares, and samples both through the windows that are found.

The other image is explained by the first one's pixels (contrast), their derivatives (shift and stretch along each side,
as in Lucas and Kanade 1981), a constant, and the pixels with the brightest levels cut off (the effect of brightening).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .phash import CUT

Floats = npt.NDArray[np.float64]
Verdicts = npt.NDArray[np.bool_]

BRIGHTENED = 255 / 1.2  # brighter levels become white after brightening by 20 %
FAITHFUL = 0.7  # share of the variance that must remain when brighter levels are cut off


class Fit(NamedTuple):
    """How n images are explained, sampled at (grid, grid) places."""

    gain: Floats  # (n,)
    motion: Floats  # (n, 4) in samples: shift of rows and columns, stretch of rows and columns at the edges
    explained: Floats  # (n, grid, grid)
    unexplained: Floats  # (n, grid, grid) squared residuals

    def some(self, chosen: Verdicts) -> "Fit":
        """Return the chosen images."""
        return Fit(*(values[chosen] for values in self))


def brightened(luminance: npt.NDArray[np.uint8], cut: Floats) -> Floats:
    """Luminance with the levels cut off that brightening makes white; unchanged where that changes the image much.

    Otherwise a pale drawing with a dark spot would match any dark spot.

    Args:
        luminance: (n, side, side) levels.
        cut: The same with the levels above BRIGHTENED cut off.
    """
    whole = luminance.astype(np.float64)
    before, after = (plane - plane.mean((1, 2), keepdims=True) for plane in (whole, cut))
    both = (before * after).sum((1, 2)) ** 2
    alike = both >= FAITHFUL * (before**2).sum((1, 2)) * (after**2).sum((1, 2))
    return np.where(alike[:, None, None], cut, whole)


def fitted(sources: Sequence[Floats], target: Floats) -> Fit:
    """Least squares, with a ridge term far below the noise so that flat images have a solution too.

    Args:
        sources: (n, grid, grid) pixels, and the same with the brightest levels cut off.
        target: (n, grid, grid) pixels to explain.
    """
    source, cut = sources
    n, grid = target.shape[:2]
    down, across = np.gradient(source, axis=(1, 2))
    place = (np.arange(grid) + 0.5) / grid * 2 - 1
    ones = np.ones_like(source)
    terms = np.stack([source, cut, ones, down, across, down * place[:, None], across * place], axis=1)
    terms = terms.reshape(n, terms.shape[1], grid**2)
    wanted = target.reshape(n, grid**2, 1)
    normal = terms @ terms.transpose(0, 2, 1) + 0.01 * grid**2 * np.eye(terms.shape[1])
    factors = np.linalg.solve(normal, terms @ wanted)
    explained = (terms.transpose(0, 2, 1) @ factors).reshape(target.shape)
    gain = factors[:, 0, 0] + factors[:, 1, 0]
    motion = factors[:, 3:, 0] / np.maximum(gain, 0.3)[:, None]
    return Fit(gain, motion, explained, (target - explained) ** 2)


def moved(window: Floats, start: Floats, motion: Floats, grid: int) -> Floats:
    """Shift and stretch (n, 4) windows by a motion in samples; no side moves further from its start than by CUT."""
    down, across, taller, wider = motion.T / grid
    height, width = window[:, 1] - window[:, 0], window[:, 3] - window[:, 2]
    steps = [(down - taller) * height, (down + taller) * height, (across - wider) * width, (across + wider) * width]
    found = np.clip(window + np.stack(steps, axis=1), start - CUT, start + CUT)
    return np.asarray(np.clip(found, 0, 1))


def sampled(planes: npt.NDArray[np.uint8] | Floats, window: Floats, grid: int) -> Floats:
    """Sample (n, side, side) planes through (n, 4) windows to (n, grid, grid)."""
    rows = _weights(window[:, 0], window[:, 1], planes.shape[1], grid)
    columns = _weights(window[:, 2], window[:, 3], planes.shape[2], grid)
    return np.asarray(rows @ planes.astype(np.float64) @ columns.transpose(0, 2, 1))


def _weights(low: Floats, high: Floats, side: int, grid: int) -> Floats:
    """(n, grid, side) weights of the pixels for even steps from `low` to `high`: triangles as wide as two steps."""
    step = (high - low)[:, None, None] * side / grid
    centres = low[:, None, None] * side + step * (np.arange(grid) + 0.5)[:, None] - 0.5
    weights = np.maximum(0, 1 - np.abs(centres - np.arange(side)) / np.maximum(step, 1))
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))
