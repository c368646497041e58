"""Thumbnails: the reduced images by which near duplicates are compared."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..signature import pack, unpack
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

    @classmethod
    def unpacked(cls, values: pa.FixedSizeBinaryArray) -> "Thumbnails":
        """Create thumbnails from the result of `packed`."""
        luminance, colours = np.split(unpack(values, np.uint8), [SIDE**2], axis=1)
        return cls(luminance.reshape(-1, SIDE, SIDE), colours.reshape(-1, 2, COLOUR_SIDE, COLOUR_SIDE))

    def packed(self, valid: npt.NDArray[np.bool_]) -> pa.FixedSizeBinaryArray:
        """Pack thumbnails into 1536 bytes each, null where not `valid`."""
        parts = self.luminance.reshape(-1, SIDE**2), self.colours.reshape(-1, 2 * COLOUR_SIDE**2)
        return pack(np.concatenate(parts, axis=1), valid)

    def cut(self, level: float) -> Floats:
        """(n, 32, 32) luminance if red, green and blue were limited to `level`."""
        blue, red = np.repeat(np.repeat(self.colours - 128.0, 2, axis=2), 2, axis=3).transpose(1, 0, 2, 3)
        channels = np.stack([RED * red, GREEN_OF_BLUE * blue + GREEN_OF_RED * red, BLUE * blue], axis=-1)
        return np.asarray(np.minimum(self.luminance[..., None] + channels, level) @ LUMA)
