"""Perceptual hashes of 64 bits: the signs of an image's lowest frequencies.

As in pHash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions") and imagehash, a bit
says whether a coefficient of an 8x8 block of the DCT of a 32x32 luminance is above the median. Two things differ:

- The median is raised by a share of the mean magnitude. Drawings are often symmetric, so that half of their
  coefficients are zero except for noise; compared with the median itself, these bits would be random.
- A hash is taken of the whole image and of what remains when 5 % are cut off one side or all four sides. If one image
  is a crop of the other, some pair of such windows matches.

The arithmetic is exact: cosines are rounded to integers, and no sum reaches 2^53. So a hash does not depend on the
machine, the batch, or the number of threads.
"""

import numpy as np
import numpy.typing as npt

from ..protocol import Keys

Luminance = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

SIDE = 32
FREQUENCIES = 8
CUT = 0.05
RAISED = 3, 10  # the median is raised by 3/10 of the mean magnitude

# (windows, 4): top, bottom, left, right as shares of height and width
WINDOWS = np.array(
    [
        (0, 1, 0, 1),
        (CUT, 1 - CUT, CUT, 1 - CUT),
        (CUT, 1, 0, 1),
        (0, 1 - CUT, 0, 1),
        (0, 1, CUT, 1),
        (0, 1, 0, 1 - CUT),
    ]
)


def perceptual_hashes(luminance: Luminance) -> Keys:
    """Compute the (n, windows) hashes of (n, 32, 32) images; the first is that of the whole image."""
    pixels = luminance.astype(np.float64)
    hashes = [_bits(_cosines(top, bottom) @ pixels @ _cosines(left, right).T) for top, bottom, left, right in WINDOWS]
    return np.stack(hashes, axis=1)


def _bits(coefficients: Floats) -> Keys:
    """Convert (n, 8, 8) coefficients to (n,) hashes; the bit of the mean luminance stays 0."""
    flat = coefficients.reshape(-1, FREQUENCIES**2)[:, 1:]
    part, whole = RAISED
    bound = whole * flat.shape[1] * np.median(flat, axis=1) + part * np.abs(flat).sum(axis=1)
    bits = np.zeros((len(flat), FREQUENCIES**2), bool)
    bits[:, 1:] = whole * flat.shape[1] * flat > bound[:, None]
    return np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)


def _cosines(low: float, high: float) -> Floats:
    """(8, 32) integers: the lowest frequencies of the window from `low` to `high` along one side."""
    at = (np.arange(SIDE) + 0.5) / SIDE
    cosines = np.cos(np.pi * at * np.arange(FREQUENCIES)[:, None])
    return np.rint((1 << 10) * cosines @ _shares(low, high))


def _shares(low: float, high: float) -> Floats:
    """(32, 32) share of each pixel in each of 32 even steps from `low` to `high`; rows sum to 1."""
    edges = np.linspace(low, high, SIDE + 1) * SIDE
    ends = np.minimum(edges[1:, None], np.arange(SIDE) + 1)
    starts = np.maximum(edges[:-1, None], np.arange(SIDE))
    covered = np.maximum(0.0, ends - starts)
    shares: Floats = covered / covered.sum(axis=1, keepdims=True)
    return shares
