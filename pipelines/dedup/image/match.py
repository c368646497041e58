"""Whether thumbnails show the same picture, one perhaps a little cropped, brightened or coded anew.

Hashes of 64 bits cannot tell this: drawings on white share their few low frequencies by the hundred. So a thumbnail is
laid over the other, and what differs is looked at, place by place. Laying over is least squares: the other is
explained by the one's pixels (contrast), their derivatives (shift and stretch along each side, as in Lucas and
Kanade 1981), a constant, and the pixels as they are when the brightest are cut off (what brightening does to them).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .phash import CUT
from .thumbnails import Thumbnails

Floats = npt.NDArray[np.float64]
Verdicts = npt.NDArray[np.bool_]

GRID = 16  # samples along a side at which thumbnails are compared
CELLS = 4  # places along a side that are looked at one by one

BRIGHTENED = 255 / 1.2  # what is brighter is white after brightening by 20 %
FAITHFUL = 0.7  # of the variance that has to be left of a picture without it
SHARES = 0.25, 0.12, 0.08  # of the variance that may be unexplained before each step of laying over goes on
DIFFERENCE = 0.11  # that may be unexplained at any place, as a share of variance there and, by FAINT, overall
FAINT = 0.3
DETAIL, DIFFERENCE_OF_SIMPLE = 4.0, 0.04  # a picture with content at fewer places than this has to agree better
GAIN = 0.7, 1.4  # of contrast
COLOUR = 30.0  # levels by which colours may differ at any place, root mean square


def explains(one: Thumbnails, other: Thumbnails, window: Floats, other_window: Floats) -> Verdicts:
    """For each of n pairs: whether the other is the one, seen through windows that are about the same detail of both.

    Windows are (n, 4): top, bottom, left and right as shares of height and width; that of the one is corrected.
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
    """Luminance without what brightening makes white; as it is where that would leave another picture.

    Else a pale drawing with a dark spot would be the same as any dark spot.
    """
    luminance, cut = pictures.luminance.astype(np.float64), pictures.cut(BRIGHTENED)
    before, after = (plane - plane.mean((1, 2), keepdims=True) for plane in (luminance, cut))
    both = (before * after).sum((1, 2)) ** 2
    alike = both >= FAITHFUL * (before**2).sum((1, 2)) * (after**2).sum((1, 2))
    return np.where(alike[:, None, None], cut, luminance)


class _Fit(NamedTuple):
    gain: Floats  # (n,)
    motion: Floats  # (n, 4) samples: shift along rows' and columns' direction, stretch likewise at the edges
    unexplained: Floats  # (n, 16, 16) squares of what is left

    def some(self, chosen: Verdicts) -> "_Fit":
        return _Fit(*(values[chosen] for values in self))


def _fitted(sources: Sequence[Floats], target: Floats) -> _Fit:
    """Least squares, with a ridge far below the noise so that flat pictures have a solution too."""
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
    """The window, shifted and stretched; no side goes further from its start than a crop of CUT takes it."""
    down, across, taller, wider = motion.T / GRID
    height, width = window[:, 1] - window[:, 0], window[:, 3] - window[:, 2]
    steps = [(down - taller) * height, (down + taller) * height, (across - wider) * width, (across + wider) * width]
    moved = np.clip(window + np.stack(steps, axis=1), start - CUT, start + CUT)
    return np.asarray(np.clip(moved, 0, 1))


def _same_everywhere(fit: _Fit, target: Floats) -> Verdicts:
    left = _cells(fit.unexplained).mean(2)
    there = _cells(target).var(2)
    overall = target.var((1, 2)) + 1
    content = there.sum(1) ** 2 / ((there**2).sum(1) + 1)
    allowed = np.where(content < DETAIL, DIFFERENCE_OF_SIMPLE, DIFFERENCE)
    return np.asarray((left / (there + FAINT * overall[:, None])).max(1) <= allowed)


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
    """(n, 16, 16) to (n, 16 places, 16 samples each)."""
    n, step = len(values), GRID // CELLS
    return values.reshape(n, CELLS, step, CELLS, step).transpose(0, 1, 3, 2, 4).reshape(n, CELLS**2, step**2)


def _sampled(planes: npt.NDArray[np.uint8] | Floats, window: Floats) -> Floats:
    """(n, side, side) planes through (n, 4) windows to (n, 16, 16)."""
    rows = _weights(window[:, 0], window[:, 1], planes.shape[1])
    columns = _weights(window[:, 2], window[:, 3], planes.shape[2])
    return np.asarray(rows @ planes.astype(np.float64) @ columns.transpose(0, 2, 1))


def _weights(low: Floats, high: Floats, side: int) -> Floats:
    """(n, 16, side): what 16 even steps from `low` to `high` take of each pixel: triangles as wide as two steps."""
    step = (high - low)[:, None, None] * side / GRID
    centres = low[:, None, None] * side + step * (np.arange(GRID) + 0.5)[:, None] - 0.5
    weights = np.maximum(0, 1 - np.abs(centres - np.arange(side)) / np.maximum(step, 1))
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))
