"""Decides whether two thumbnails show the same image, possibly slightly cropped, brightened or re-encoded.

64-bit hashes cannot decide this: hundreds of drawings on white share their few low frequencies. So one thumbnail is
registered to the other and the remaining difference is examined cell by cell. Registration is least squares: the other
thumbnail is explained by the first one's pixels (contrast), their derivatives (shift and stretch along each side, as in
Lucas and Kanade 1981), a constant, and the pixels with the brightest levels cut off (the effect of brightening).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .phash import CUT
from .thumbnails import Thumbnails

Floats = npt.NDArray[np.float64]
Verdicts = npt.NDArray[np.bool_]

GRID = 16  # samples along a side that are compared
CELLS = 4  # cells along a side that are examined separately

BRIGHTENED = 255 / 1.2  # brighter levels become white after brightening by 20 %
FAITHFUL = 0.7  # share of the variance that must remain when brighter levels are cut off
SHARES = 0.25, 0.12, 0.08  # maximum unexplained share of the variance before each registration step
DIFFERENCE = 0.11  # maximum unexplained share in a cell, of the variance there plus FAINT of the overall variance
FAINT = 0.3
DETAIL, DIFFERENCE_OF_SIMPLE = 4.0, 0.04  # an image with content in fewer cells than this has to agree better
GAIN = 0.7, 1.4  # allowed change of contrast
COLOUR = 30.0  # maximum difference of colours in a cell, root mean square in levels


def shows_same_image(one: Thumbnails, other: Thumbnails, window: Floats, other_window: Floats) -> Verdicts:
    """For each of n pairs: True where `other` can be explained as `one`.

    Args:
        one: n thumbnails.
        other: n thumbnails.
        window: (n, 4) window of `one`: top, bottom, left and right as shares of height and width. It is refined.
        other_window: (n, 4) window of `other` with about the same content.
    """
    alike = np.zeros(len(window), bool)
    at = np.arange(len(window))
    start, window = window, window.copy()
    planes, target = (one.luminance, _brightened(one)), _sampled(other.luminance, other_window)
    for share in SHARES:
        fit = _fitted([_sampled(plane[at], window[at]) for plane in planes], target[at])
        close = fit.unexplained.mean((1, 2)) <= share * (target[at].var((1, 2)) + 1)
        at, fit = at[close], fit.some(close)
        window[at] = _moved(window[at], start[at], fit.motion)
    fit = _fitted([_sampled(plane[at], window[at]) for plane in planes], target[at])
    same = _same_everywhere(fit, target[at]) & (fit.gain >= GAIN[0]) & (fit.gain <= GAIN[1])
    at, gain = at[same], fit.gain[same]
    alike[at] = _same_colours(one.colours[at], other.colours[at], window[at], other_window[at], gain)
    return alike


def _brightened(pictures: Thumbnails) -> Floats:
    """Luminance with the levels cut off that brightening makes white; unchanged where that changes the image much.

    Otherwise a pale drawing with a dark spot would match any dark spot.
    """
    luminance, cut = pictures.luminance.astype(np.float64), pictures.cut(BRIGHTENED)
    before, after = (plane - plane.mean((1, 2), keepdims=True) for plane in (luminance, cut))
    both = (before * after).sum((1, 2)) ** 2
    alike = both >= FAITHFUL * (before**2).sum((1, 2)) * (after**2).sum((1, 2))
    return np.where(alike[:, None, None], cut, luminance)


class _Fit(NamedTuple):
    gain: Floats  # (n,)
    motion: Floats  # (n, 4) in samples: shift of rows and columns, stretch of rows and columns at the edges
    unexplained: Floats  # (n, 16, 16) squared residuals

    def some(self, chosen: Verdicts) -> "_Fit":
        return _Fit(*(values[chosen] for values in self))


def _fitted(sources: Sequence[Floats], target: Floats) -> _Fit:
    """Least squares, with a ridge term far below the noise so that flat images have a solution too."""
    source, cut = sources
    n = len(source)
    down, across = np.gradient(source, axis=(1, 2))
    place = (np.arange(GRID) + 0.5) / GRID * 2 - 1
    ones = np.ones_like(source)
    terms = np.stack([source, cut, ones, down, across, down * place[:, None], across * place], axis=1)
    terms = terms.reshape(n, terms.shape[1], GRID**2)
    wanted = target.reshape(n, GRID**2, 1)
    normal = terms @ terms.transpose(0, 2, 1) + 0.01 * GRID**2 * np.eye(terms.shape[1])
    factors = np.linalg.solve(normal, terms @ wanted)
    rest = wanted - terms.transpose(0, 2, 1) @ factors
    gain = factors[:, 0, 0] + factors[:, 1, 0]
    return _Fit(gain, factors[:, 3:, 0] / np.maximum(gain, 0.3)[:, None], rest.reshape(n, GRID, GRID) ** 2)


def _moved(window: Floats, start: Floats, motion: Floats) -> Floats:
    """Shift and stretch the window; no side moves further from its start than by CUT."""
    down, across, taller, wider = motion.T / GRID
    height, width = window[:, 1] - window[:, 0], window[:, 3] - window[:, 2]
    steps = [(down - taller) * height, (down + taller) * height, (across - wider) * width, (across + wider) * width]
    moved = np.clip(window + np.stack(steps, axis=1), start - CUT, start + CUT)
    return np.asarray(np.clip(moved, 0, 1))


def _same_everywhere(fit: _Fit, target: Floats) -> Verdicts:
    left = _cells(fit.unexplained).mean(2)
    variance = _cells(target).var(2)
    overall = target.var((1, 2)) + 1
    content = variance.sum(1) ** 2 / ((variance**2).sum(1) + 1)
    allowed = np.where(content < DETAIL, DIFFERENCE_OF_SIMPLE, DIFFERENCE)
    return np.asarray((left / (variance + FAINT * overall[:, None])).max(1) <= allowed)


def _same_colours(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], window: Floats, other_window: Floats, gain: Floats
) -> Verdicts:
    squares = np.zeros((len(one), CELLS**2))
    for plane in range(2):
        source = _sampled(one[:, plane], window) - 128
        target = _sampled(other[:, plane], other_window) - 128
        squares += _cells((target - gain[:, None, None] * source) ** 2).mean(2)
    return np.asarray(squares.max(1) <= COLOUR**2)


def _cells(values: Floats) -> Floats:
    """Reshape (n, 16, 16) to (n, 16 cells, 16 samples each)."""
    n, step = len(values), GRID // CELLS
    return values.reshape(n, CELLS, step, CELLS, step).transpose(0, 1, 3, 2, 4).reshape(n, CELLS**2, step**2)


def _sampled(planes: npt.NDArray[np.uint8] | Floats, window: Floats) -> Floats:
    """Sample (n, side, side) planes through (n, 4) windows to (n, 16, 16)."""
    rows = _weights(window[:, 0], window[:, 1], planes.shape[1])
    columns = _weights(window[:, 2], window[:, 3], planes.shape[2])
    return np.asarray(rows @ planes.astype(np.float64) @ columns.transpose(0, 2, 1))


def _weights(low: Floats, high: Floats, side: int) -> Floats:
    """(n, 16, side) weights of the pixels for 16 even steps from `low` to `high`: triangles as wide as two steps."""
    step = (high - low)[:, None, None] * side / GRID
    centres = low[:, None, None] * side + step * (np.arange(GRID) + 0.5)[:, None] - 0.5
    weights = np.maximum(0, 1 - np.abs(centres - np.arange(side)) / np.maximum(step, 1))
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))
