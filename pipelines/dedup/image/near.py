"""Near duplicates among pictures: perceptual hashes bring likely pairs together, thumbnails decide."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....schemas.config.dedup import NearImage
from ....tokenizers.image.picture import BadPicture, squeezed
from ..protocol import Ints, Keyed, Keys
from ..signature import judged
from .hamming import first_met, hamming_keys, hamming_pairs
from .match import explains
from .phash import SIDE, WINDOWS, perceptual_hashes
from .thumbnails import Thumbnails

IMAGE_NEAR_VERSION = 1
LEAST_CONTRAST = 2.0  # levels, standard deviation of the luminance


@dataclass(frozen=True)
class PerceptualHash:
    """Pictures that look the same, one perhaps resized, coded anew, brightened, or cropped by 5 % on any side.

    A signature is a thumbnail. It is null for what cannot be opened, and for a picture of one colour: nothing is in it
    by which it could be told from others of that kind, so it is a duplicate only of the same file.
    """

    config: NearImage
    max_pixels: int
    column: str = "image"

    def identity(self) -> list[Any]:
        """Version, settings, limit."""
        return [IMAGE_NEAR_VERSION, self.config.model_dump(mode="json"), self.max_pixels]

    def report(self) -> dict[str, Any]:
        """The radius, and how many windows of a picture are hashed."""
        return {"near": "perceptual-hash", **self.config.model_dump(), "windows": len(WINDOWS)}

    def sign(self, values: pa.ChunkedArray) -> pa.FixedSizeBinaryArray:
        """A thumbnail a picture."""
        pictures = np.zeros((len(values), SIDE, SIDE, 3), np.uint8)
        for index, value in enumerate(values):
            try:
                pictures[index] = squeezed(value.as_py(), SIDE, self.max_pixels)
            except BadPicture:
                continue  # stays black, and so of one colour
        thumbnails = Thumbnails.of(pictures)
        return thumbnails.packed(thumbnails.luminance.std((1, 2)) >= LEAST_CONTRAST)

    def keys(self, signatures: pa.FixedSizeBinaryArray) -> Keyed:
        """Keys of the hashes of all windows; the sketch of a key is its hash."""
        hashes = perceptual_hashes(Thumbnails.unpacked(signatures).luminance).ravel()
        owner, key = hamming_keys(hashes, self.config.radius)
        return Keyed(owner // len(WINDOWS), key, hashes[owner])

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Entries that share a key and whose hashes are within the radius, under the first key that they share."""
        left, right = hamming_pairs(key, sketch, self.config.radius)
        new = first_met(key[left], sketch[left] ^ sketch[right], self.config.radius)
        return left[new], right[new]

    def alike(self, left: pa.FixedSizeBinaryArray, right: pa.FixedSizeBinaryArray) -> npt.NDArray[np.bool_]:
        """Whether either picture explains the other, seen through the windows whose hashes are closest."""
        return judged(self._alike, left, right)

    def _alike(self, left: pa.FixedSizeBinaryArray, right: pa.FixedSizeBinaryArray) -> npt.NDArray[np.bool_]:
        ours, theirs = Thumbnails.unpacked(left), Thumbnails.unpacked(right)
        hashes = perceptual_hashes(ours.luminance)[:, :, None], perceptual_hashes(theirs.luminance)[:, None]
        distance = np.bitwise_count(hashes[0] ^ hashes[1]).reshape(len(left), -1)
        closest = np.unravel_index(distance.argmin(1), (len(WINDOWS),) * 2)
        window, other = (WINDOWS[which] for which in closest)
        within = distance.min(1) <= self.config.radius
        return np.asarray(within & (explains(ours, theirs, window, other) | explains(theirs, ours, other, window)))
