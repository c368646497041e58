"""Signatures hold a thumbnail of means and the luminance at twice the size, and survive packing."""

import numpy as np
import pyarrow as pa

from triptych.pipelines.dedup.image.signatures import Signatures


def test_pixels_of_thumbnails_are_means_of_four() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)
    made = Signatures.of(pictures)
    assert np.array_equal(made.fine, pictures[..., 0])
    means = pictures[..., 0].reshape(5, 32, 2, 32, 2).mean((2, 4))
    assert np.abs(made.thumbnails.luminance - means).max() <= 0.5
    blocks = pictures[..., 1:].reshape(5, 16, 4, 16, 4, 2).mean((2, 4)).transpose(0, 3, 1, 2)
    assert np.abs(made.thumbnails.colours - blocks).max() <= 1


def test_packing_gives_the_same_signatures_back() -> None:
    made = Signatures.of(np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8))
    packed = made.packed(np.array([True, False, True, True, True]))
    assert packed.type == pa.binary(5632)
    assert packed.is_null().to_pylist() == [False, True, False, False, False]
    back = Signatures.unpacked(packed.slice(2))
    kept = made.some(np.array([False, False, True, True, True]))
    for one, other in ((back.fine, kept.fine), *zip(back.thumbnails, kept.thumbnails, strict=True)):
        assert np.array_equal(one, other)


def test_a_limit_on_grey_pixels_is_one_on_their_luminance() -> None:
    pictures = np.full((2, 64, 64, 3), 128, np.uint8)
    pictures[..., 0] = np.random.default_rng(2).integers(0, 256, (2, 64, 64))
    assert np.allclose(Signatures.of(pictures).cut(200), np.minimum(pictures[..., 0], 200), atol=0.001)
