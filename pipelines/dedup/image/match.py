"""Decides whether two thumbnails show the same image, possibly slightly cropped, brightened or re-encoded.

64-bit hashes cannot decide this: hundreds of drawings on white share their few low frequencies. So one thumbnail is
registered to the other (`register`) and the remaining difference is examined cell by cell.
"""

import numpy as np
import numpy.typing as npt

from .register import BRIGHTENED, Fit, Floats, Verdicts, brightened, fitted, moved, sampled
from .thumbnails import Thumbnails

GRID = 16  # samples along a side that are compared
CELLS = 4  # cells along a side that are examined separately

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
    planes = one.luminance, brightened(one.luminance, one.cut(BRIGHTENED))
    target = sampled(other.luminance, other_window, GRID)
    for share in SHARES:
        fit = fitted([sampled(plane[at], window[at], GRID) for plane in planes], target[at])
        close = fit.unexplained.mean((1, 2)) <= share * (target[at].var((1, 2)) + 1)
        at, fit = at[close], fit.some(close)
        window[at] = moved(window[at], start[at], fit.motion, GRID)
    fit = fitted([sampled(plane[at], window[at], GRID) for plane in planes], target[at])
    same = _same_everywhere(fit, target[at]) & (fit.gain >= GAIN[0]) & (fit.gain <= GAIN[1])
    at, gain = at[same], fit.gain[same]
    alike[at] = _same_colours(one.colours[at], other.colours[at], window[at], other_window[at], gain)
    return alike


def _same_everywhere(fit: Fit, target: Floats) -> Verdicts:
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
        source = sampled(one[:, plane], window, GRID) - 128
        target = sampled(other[:, plane], other_window, GRID) - 128
        squares += _cells((target - gain[:, None, None] * source) ** 2).mean(2)
    return np.asarray(squares.max(1) <= COLOUR**2)


def _cells(values: Floats) -> Floats:
    """Reshape (n, 16, 16) to (n, 16 cells, 16 samples each)."""
    n, step = len(values), GRID // CELLS
    return values.reshape(n, CELLS, step, CELLS, step).transpose(0, 1, 3, 2, 4).reshape(n, CELLS**2, step**2)
