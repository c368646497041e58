"""Thumbnails: the reduced images by which near duplicates are compared."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .phash import SIDE

Floats = npt.NDArray[np.float64]

COLOUR_SIDE = SIDE // 2

# between colour differences and the difference of a channel from the luminance (BT.601, as in JPEG)
RED, GREEN_OF_BLUE, GREEN_OF_RED, BLUE = 1.402, -0.344136, -0.714136, 1.772
LUMA = np.array([0.299, 0.587, 0.114])


class Thumbnails(NamedTuple):
    """Reduced images: luminance (n, 32, 32) and two colour differences (n, 2, 16, 16), uint8."""

    luminance: npt.NDArray[np.uint8]
    colours: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, pictures: npt.NDArray[np.uint8]) -> "Thumbnails":
        """Create thumbnails from (n, 32, 32, 3) YCbCr images."""
        blocks = pictures[..., 1:].reshape(-1, COLOUR_SIDE, 2, COLOUR_SIDE, 2, 2).astype(np.uint16)
        return cls(pictures[..., 0], ((blocks.sum((2, 4)) + 2) // 4).astype(np.uint8).transpose(0, 3, 1, 2))

    def cut(self, level: float) -> Floats:
        """(n, 32, 32) luminance if red, green and blue were limited to `level`."""
        return limited(self.luminance, self.colours, level)


def limited(luminance: npt.NDArray[np.uint8], colours: npt.NDArray[np.uint8], level: float) -> Floats:
    """(n, side, side) luminance if red, green and blue were limited to `level`; colours may have fewer pixels."""
    times = luminance.shape[1] // colours.shape[2]
    blue, red = np.repeat(np.repeat(colours - 128.0, times, axis=2), times, axis=3).transpose(1, 0, 2, 3)
    channels = np.stack([RED * red, GREEN_OF_BLUE * blue + GREEN_OF_RED * red, BLUE * blue], axis=-1)
    return np.asarray(np.minimum(luminance[..., None] + channels, level) @ LUMA)
