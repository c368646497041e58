"""Near-duplicate images: perceptual hashes propose pairs, comparisons of thumbnails and of details confirm them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....schemas.config.dedup import NearImage
from ....schemas.vocabulary import Modality
from ....tokenizers.decoding import decoding_identity
from ....tokenizers.image.decode_picture import BadPicture, size_and_squeezed, squeezed
from ....tokenizers.protocol import Pixels
from ..protocol import Ints, Keyed, Keys
from ..signature import compare_in_batches
from .detail import shows_same_details
from .exact import Size, image_keys
from .hamming import hamming_keys, hamming_pairs, is_crowded, is_first_shared_key
from .match import shows_same_image
from .phash import WINDOWS, perceptual_hashes
from .signatures import FINE_SIDE, Signatures

IMAGE_NEAR_VERSION = 2
LEAST_CONTRAST = 2.0  # standard deviation of the luminance, in levels
BLACK = np.zeros((FINE_SIDE, FINE_SIDE, 3), np.uint8)
BLOCK = 1024  # images whose pixels are in memory at a time
PAIRS_AT_ONCE = 256  # the finer comparison takes about 200 KB a pair


@dataclass(frozen=True)
class PerceptualHash:
    """Near-duplicate method for images: one may be resized, re-encoded, brightened, or cropped by 5 % on any side.

    A signature is a thumbnail and its luminance at twice the size. It is null for a file that cannot be decoded and for
    an image of one colour, which cannot be distinguished from others of that kind; only exact duplicates of these are
    found.
    """

    config: NearImage
    max_pixels: int
    column: str = "image"

    def identity(self) -> list[Any]:
        """Version, settings, limit and decoders."""
        settings = self.config.identity_body()
        return [IMAGE_NEAR_VERSION, settings, self.max_pixels, *decoding_identity(Modality.IMAGE)]

    def report(self) -> dict[str, Any]:
        """Radius and number of hashed windows, for the manifest."""
        return {"near": "perceptual-hash", **self.config.model_dump(), "windows": len(WINDOWS)}

    def sign(self, values: pa.ChunkedArray) -> pa.FixedSizeBinaryArray:
        """Return one signature per image."""
        packer = _Packer()
        for value in values:
            try:
                packer.add(squeezed(value.as_py(), FINE_SIDE, self.max_pixels))
            except BadPicture:
                packer.add(None)
        return packer.packed()

    def sign_with_keys(
        self, values: pa.ChunkedArray
    ) -> tuple[pa.FixedSizeBinaryArray, npt.NDArray[np.int64], pa.FixedSizeBinaryArray]:
        """Return the keys and sizes of `image_keys` and the signatures of `sign`; each file is opened once."""
        packer = _Packer()

        def read(data: bytes) -> Size:
            try:
                size, pixels = size_and_squeezed(data, FINE_SIDE, self.max_pixels)
            except BadPicture:
                packer.add(None)
                raise
            packer.add(pixels)
            return size

        return *image_keys(values, read), packer.packed()

    def keys(self, signatures: pa.FixedSizeBinaryArray) -> Keyed:
        """Return the keys of the hashes of all windows; the sketch of a key is its hash."""
        hashes = perceptual_hashes(Signatures.unpacked(signatures).thumbnails.luminance).ravel()
        owner, key = hamming_keys(hashes, self.config.radius)
        return Keyed(owner // len(WINDOWS), key, hashes[owner])

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Return entries that share a key and whose hashes are within the radius.

        Under the first shared key only, except in a crowd, where that key may have left the pair out.
        """
        left, right = hamming_pairs(key, sketch, self.config.radius)
        new = is_first_shared_key(key[left], sketch[left] ^ sketch[right], self.config.radius)
        new |= is_crowded(key, sketch)[left]
        return left[new], right[new]

    def alike(self, left: pa.FixedSizeBinaryArray, right: pa.FixedSizeBinaryArray) -> npt.NDArray[np.bool_]:
        """True where either image explains the other and its details, in the windows whose hashes are closest."""
        return compare_in_batches(self._alike, left, right, PAIRS_AT_ONCE)

    def _alike(self, left: pa.FixedSizeBinaryArray, right: pa.FixedSizeBinaryArray) -> npt.NDArray[np.bool_]:
        ours, theirs = Signatures.unpacked(left), Signatures.unpacked(right)
        one, other = ours.thumbnails, theirs.thumbnails
        hashes = perceptual_hashes(one.luminance)[:, :, None], perceptual_hashes(other.luminance)[:, None]
        distance = np.bitwise_count(hashes[0] ^ hashes[1]).reshape(len(left), -1)
        closest = np.unravel_index(distance.argmin(1), (len(WINDOWS),) * 2)
        window, other_window = (WINDOWS[which] for which in closest)
        alike = distance.min(1) <= self.config.radius
        alike &= shows_same_image(one, other, window, other_window) | shows_same_image(other, one, other_window, window)
        ours, theirs, window, other_window = ours.some(alike), theirs.some(alike), window[alike], other_window[alike]
        forth, back = (ours, theirs, window, other_window), (theirs, ours, other_window, window)
        alike[alike] = shows_same_details(*forth) | shows_same_details(*back)
        return np.asarray(alike)


class _Packer:
    """Makes signatures of images one by one; only a block of images is in memory."""

    def __init__(self) -> None:
        self._block: list[Pixels] = []
        self._done: list[pa.FixedSizeBinaryArray] = []

    def add(self, picture: Pixels | None) -> None:
        """Take the next image, (64, 64, 3) YCbCr; None, and an image of one colour, have no signature."""
        self._block.append(BLACK if picture is None else picture)
        if len(self._block) == BLOCK:
            self._pack()

    def packed(self) -> pa.FixedSizeBinaryArray:
        """Return the signatures of all images."""
        self._pack()
        return pa.concat_arrays(self._done)

    def _pack(self) -> None:
        signatures = Signatures.of(np.array(self._block, np.uint8).reshape(-1, *BLACK.shape))
        valid = signatures.thumbnails.luminance.std((1, 2)) >= LEAST_CONTRAST
        self._done.append(signatures.packed(valid))
        self._block.clear()
