"""Thumbnails are laid over each other: what a crop, a dimmer or a lamp does is explained, another picture is not."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from triptych.pipelines.dedup.image.match import shows_same_image
from triptych.pipelines.dedup.image.thumbnails import Thumbnails

WHOLE = np.array([[0.0, 1.0, 0.0, 1.0]])


def thumbnails(*images: Image.Image) -> Thumbnails:
    small = [image.convert("YCbCr").resize((32, 32), Image.Resampling.BICUBIC) for image in images]
    return Thumbnails.of(np.stack([np.asarray(image) for image in small]))


def explained(one: Image.Image, other: Image.Image, window: npt.NDArray[np.float64] = WHOLE) -> bool:
    return bool(shows_same_image(thumbnails(one), thumbnails(other), window, WHOLE)[0])


def scene(seed: int = 0) -> Image.Image:
    draw = np.random.default_rng(seed)
    image = Image.new("RGB", (320, 320), (170, 180, 190))
    brush = ImageDraw.Draw(image)
    for _ in range(12):
        left, top, width, height = draw.integers(0, 200, 4).tolist()
        brush.ellipse((left, top, left + width + 40, top + height + 40), fill=tuple(draw.integers(0, 200, 3).tolist()))
    return image


@given(st.floats(-0.04, 0.04), st.floats(-0.04, 0.04), st.floats(-0.04, 0.04), st.floats(-0.04, 0.04))
def test_a_window_may_be_wrong_by_some_percent_on_every_side(
    top: float, bottom: float, left: float, right: float
) -> None:
    seen = np.array([[0.1 + top, 0.9 + bottom, 0.1 + left, 0.9 + right]])
    image = scene()
    other = image.crop(tuple(round(320 * edge) for edge in seen[0, [2, 0, 3, 1]]))
    assert explained(image, other, np.array([[0.1, 0.9, 0.1, 0.9]]))


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_a_lamp_or_a_dimmer_is_explained(factor: float) -> None:
    image = scene(3)
    pixels = np.clip(np.asarray(image) * factor, 0, 255).astype(np.uint8)
    lit = Image.fromarray(pixels)
    assert explained(image, lit) or explained(lit, image)


def test_white_is_where_a_lamp_makes_more_of_it() -> None:
    pale = Image.new("RGB", (320, 320), "white")
    brush = ImageDraw.Draw(pale)
    brush.rectangle((20, 40, 300, 280), outline=(150, 150, 150), width=24)
    brush.ellipse((90, 90, 230, 230), fill=(216, 216, 216))
    lit = Image.fromarray(np.clip(np.asarray(pale) * 1.2, 0, 255).astype(np.uint8))
    assert explained(pale, lit)
    assert not explained(lit, pale)


def test_a_pale_drawing_around_a_spot_is_not_the_spot() -> None:
    spot = Image.new("RGB", (320, 320), "white")
    ImageDraw.Draw(spot).ellipse((130, 130, 190, 190), fill=(120, 120, 120))
    pale = Image.new("RGB", (320, 320), "white")
    brush = ImageDraw.Draw(pale)
    for edge in range(10, 160, 30):
        brush.ellipse((edge, edge, 320 - edge, 320 - edge), fill=(220, 220, 220) if edge // 30 % 2 else "white")
    pale.paste(spot.crop((126, 126, 194, 194)), (126, 126))
    assert explained(spot, spot.resize((160, 160)))
    assert not explained(pale, spot)
    assert not explained(spot, pale)


def test_small_shapes_on_a_large_page_are_told_apart() -> None:
    square, diamond = Image.new("RGB", (320, 320), "white"), Image.new("RGB", (320, 320), "white")
    ImageDraw.Draw(square).rectangle((124, 124, 196, 196), fill=(60, 110, 60))
    ImageDraw.Draw(diamond).polygon([(160, 124), (196, 160), (160, 196), (124, 160)], fill=(60, 110, 60))
    assert explained(square, square.resize((128, 128)))
    assert not explained(square, diamond)
    assert not explained(diamond, square)


def test_other_pictures_are_not_explained() -> None:
    count = 12
    pictures = thumbnails(*(scene(seed) for seed in range(count)))
    left, right = np.nonzero(np.ones((count, count)))
    one, other = (Thumbnails(pictures.luminance[at], pictures.colours[at]) for at in (left, right))
    windows = np.repeat(WHOLE, count**2, axis=0)
    assert np.array_equal(shows_same_image(one, other, windows, windows), left == right)


def test_no_pairs_have_no_verdicts() -> None:
    nothing = Thumbnails.of(np.zeros((0, 32, 32, 3), np.uint8))
    assert shows_same_image(nothing, nothing, WHOLE[:0], WHOLE[:0]).shape == (0,)
