"""Thumbnails keep the luminance, halve the colours, and are cut as their colours would be."""

import numpy as np
from PIL import Image

from triptych.pipelines.dedup.image.thumbnails import Thumbnails

SIDE = 32


def plain(red: int, green: int, blue: int) -> Thumbnails:
    picture = Image.new("RGB", (SIDE, SIDE), (red, green, blue)).convert("YCbCr")
    return Thumbnails.of(np.asarray(picture)[None])


def test_luminance_is_kept_and_colours_are_means_of_four() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    found = Thumbnails.of(pictures)
    assert np.array_equal(found.luminance, pictures[..., 0])
    for picture, colours in zip(pictures, found.colours, strict=True):
        for channel in (0, 1):
            for y, x in ((0, 0), (3, 9), (15, 15)):
                four = picture[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, channel + 1]
                assert colours[channel, y, x] == int(four.mean() + 0.5)


def test_no_limit_leaves_the_luminance() -> None:
    made = Thumbnails.of(np.random.default_rng(2).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8))
    assert np.allclose(made.cut(1000), made.luminance, atol=0.001)


def test_a_limit_holds_for_each_of_red_green_and_blue() -> None:
    for colour in ((255, 0, 0), (40, 200, 90), (10, 20, 250), (255, 255, 255), (0, 0, 0)):
        for level in (64, 128, 255):
            red, green, blue = (min(value, level) for value in colour)
            expected = 0.299 * red + 0.587 * green + 0.114 * blue
            assert np.abs(plain(*colour).cut(level) - expected).max() < 2  # of 255: colours of 8 bits are rounded
