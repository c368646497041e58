"""What is kept of an image to compare it: a thumbnail, and its luminance at twice the size for details."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..signature import pack, unpack
from .phash import SIDE
from .thumbnails import COLOUR_SIDE, Thumbnails, limited

FINE_SIDE = 2 * SIDE
PLANES = SIDE**2, 2 * COLOUR_SIDE**2, FINE_SIDE**2  # bytes of each part of a signature


class Signatures(NamedTuple):
    """Signatures of n images."""

    thumbnails: Thumbnails
    fine: npt.NDArray[np.uint8]  # (n, 64, 64) luminance

    @classmethod
    def of(cls, pictures: npt.NDArray[np.uint8]) -> "Signatures":
        """Create signatures from (n, 64, 64, 3) YCbCr images; a thumbnail's pixel is the mean of four."""
        sums = pictures.reshape(-1, SIDE, 2, SIDE, 2, 3).sum((2, 4), dtype=np.uint16)
        return cls(Thumbnails.of(((sums + 2) // 4).astype(np.uint8)), np.ascontiguousarray(pictures[..., 0]))

    @classmethod
    def unpacked(cls, values: pa.FixedSizeBinaryArray) -> "Signatures":
        """Create signatures from the result of `packed`."""
        luminance, colours, fine = np.split(unpack(values, np.uint8), np.cumsum(PLANES)[:-1], axis=1)
        small = luminance.reshape(-1, SIDE, SIDE), colours.reshape(-1, 2, COLOUR_SIDE, COLOUR_SIDE)
        return cls(Thumbnails(*small), fine.reshape(-1, FINE_SIDE, FINE_SIDE))

    def packed(self, valid: npt.NDArray[np.bool_]) -> pa.FixedSizeBinaryArray:
        """Pack signatures into 5632 bytes each, null where not `valid`."""
        parts = (self.thumbnails.luminance, self.thumbnails.colours, self.fine)
        flat = [part.reshape(len(part), size) for part, size in zip(parts, PLANES, strict=True)]
        return pack(np.concatenate(flat, axis=1), valid)

    def some(self, chosen: npt.NDArray[np.bool_]) -> "Signatures":
        """Return the chosen images."""
        return Signatures(Thumbnails(*(plane[chosen] for plane in self.thumbnails)), self.fine[chosen])

    def cut(self, level: float) -> npt.NDArray[np.float64]:
        """(n, 64, 64) luminance if red, green and blue were limited to `level`."""
        return limited(self.fine, self.thumbnails.colours, level)
