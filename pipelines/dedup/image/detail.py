"""The second, finer comparison of two images: whether their details are the same.

Drawings of one set (flags, playing cards, icons) share frame, colours and white paper, so that little is left over in
any cell of a thumbnail; they differ in what is drawn. So images that pass the first comparison are registered once
more, at twice the resolution, and only what is finer than a few pixels is compared: the detail of one image has to
correlate with what the other one explains of it.
"""

import numpy as np
from scipy.ndimage import uniform_filter

from .register import BRIGHTENED, Floats, Verdicts, brightened, fitted, moved, sampled
from .signatures import Signatures

STEPS = 16, 16, 16, 32  # samples along a side, in each step of the registration
BLUR = 5  # samples of the last step: what is coarser than this is not detail
LEAST = 0.96  # correlation of the details


def shows_same_details(one: Signatures, other: Signatures, window: Floats, other_window: Floats) -> Verdicts:
    """For each of n pairs: True where the details of `other` are those of `one`.

    Args:
        one: n signatures.
        other: n signatures.
        window: (n, 4) window of `one`: top, bottom, left and right as shares of height and width.
        other_window: (n, 4) window of `other` with about the same content.
    """
    planes = one.fine, brightened(one.fine, one.cut(BRIGHTENED))
    start, target = window, sampled(other.fine, other_window, STEPS[-1])
    for grid in STEPS:
        coarse = target if grid == STEPS[-1] else sampled(other.fine, other_window, grid)
        fit = fitted([sampled(plane, window, grid) for plane in planes], coarse)
        window = moved(window, start, fit.motion, grid)
    fit = fitted([sampled(plane, window, STEPS[-1]) for plane in planes], target)
    return _correlation(_detail_of(fit.explained), _detail_of(target)) >= LEAST


def _detail_of(values: Floats) -> Floats:
    return np.asarray(values - uniform_filter(values, (0, BLUR, BLUR), mode="nearest"))


def _correlation(one: Floats, other: Floats) -> Floats:
    energy = [np.maximum((values**2).sum((1, 2)), 1.0) for values in (one, other)]
    return np.asarray((one * other).sum((1, 2)) / np.sqrt(energy[0] * energy[1]))
