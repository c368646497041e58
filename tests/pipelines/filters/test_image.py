"""Sizes, aspect and one-coloured pictures; what does not open is left to others."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from triptych.pipelines.filters.image import image_aspect, image_constant, image_size
from triptych.schemas.config.filters.image import ImageAspect, ImageConstant, ImageSize
from triptych.schemas.config.run import Limits

BROKEN = [b"", b"no picture", b"\x89PNG\r\n\x1a\n"]


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def blank(width: int, height: int) -> bytes:
    return saved(Image.new("L", (width, height)))


def complaints(judge: Any, config: Any, files: list[bytes], limits: Limits | None = None) -> dict[int, list[str]]:
    half = len(files) // 2
    table = pa.table({"image": pa.chunked_array([files[:half], files[half:]], pa.binary())})
    found: dict[int, list[str]] = {}
    for row, detail in judge(config, table, limits or Limits()):
        found.setdefault(row, []).append(detail)
    return found


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=6),
    st.integers(1, 20),
    st.integers(0, 20),
    st.integers(400, 1600),
)
def test_sides_and_pixels_are_those_of_the_header(
    sizes: list[tuple[int, int]], least: int, more: int, pixels: int
) -> None:
    config = ImageSize(name="image_size", min_side=least, max_side=least + more, max_pixels=pixels)
    found = complaints(image_size, config, [blank(*size) for size in sizes])
    for row, (width, height) in enumerate(sizes):
        wrong = [min(width, height) < least, max(width, height) > least + more, width * height > pixels]
        assert len(found.get(row, [])) == sum(wrong)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(1, 20))
def test_aspect_is_the_same_lying_and_standing(width: int, height: int, ratio: float) -> None:
    config = ImageAspect(name="image_aspect", max_ratio=ratio)
    found = complaints(image_aspect, config, [blank(width, height), blank(height, width)])
    assert (0 in found) == (1 in found) == (max(width, height) / min(width, height) > ratio)


def test_details_say_what_is_wrong() -> None:
    size = ImageSize(name="image_size", min_side=32)
    assert complaints(image_size, size, [blank(31, 500), blank(32, 32)]) == {0: ["31x500: shorter side below 32"]}
    aspect = ImageAspect(name="image_aspect")
    assert complaints(image_aspect, aspect, [blank(31, 10), blank(30, 10)]) == {
        0: ["31x10: longer side more than 3 times the shorter"]
    }


def test_pictures_of_one_colour_are_found_whatever_the_colour() -> None:
    draw = np.random.default_rng(0)
    noisy = Image.fromarray(draw.integers(120, 131, (300, 200, 3)).astype(np.uint8))
    dust = Image.new("RGB", (400, 400), "white")
    dust.putpixel((200, 200), (0, 0, 0))
    plain = [saved(Image.new("RGB", (50, 50), colour)) for colour in ("white", "black", "teal")]
    plain += [saved(noisy), saved(dust), saved(noisy, "JPEG", quality=40)]
    plain.append(saved(Image.new("RGBA", (50, 50), (255, 0, 0, 0))))

    halves = Image.new("RGB", (60, 60), "black")
    halves.paste((30, 30, 30), (0, 0, 60, 30))
    # red and green of about the same luminance
    colours = Image.new("RGB", (60, 60), (200, 30, 30))
    colours.paste((30, 115, 30), (0, 0, 60, 30))
    busy = [saved(halves), saved(colours), saved(Image.fromarray(draw.integers(0, 256, (32, 32, 3)).astype(np.uint8)))]
    found = complaints(image_constant, ImageConstant(name="image_constant"), plain + busy)
    assert set(found) == set(range(len(plain)))
    assert found[0] == ["varies by 0.00 levels, less than 2"]
    stricter = ImageConstant(name="image_constant", min_std=20)
    assert complaints(image_constant, stricter, [saved(halves)])[0][0].startswith("varies by 14.")


def test_what_does_not_open_or_is_too_large_is_left_alone() -> None:
    for judge, config in (
        (image_size, ImageSize(name="image_size", min_side=1000)),
        (image_aspect, ImageAspect(name="image_aspect", max_ratio=1)),
        (image_constant, ImageConstant(name="image_constant")),
    ):
        assert complaints(judge, config, [*BROKEN, blank(9, 3)]).keys() == {3}
    assert complaints(image_constant, ImageConstant(name="image_constant"), [blank(9, 3)], Limits(pixels=26)) == {}


@pytest.mark.parametrize(
    ("bounds", "what"),
    [
        ({}, "no bound"),
        ({"min_side": 9, "max_side": 8}, "no image would be kept"),
        ({"min_side": 9, "max_pixels": 80}, "no image would be kept"),
        ({"min_side": 0}, "greater than 0"),
        ({"max_ratio": 3}, "not permitted"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(bounds: dict[str, int], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        ImageSize.model_validate({"name": "image_size", **bounds})
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        ImageAspect(name="image_aspect", max_ratio=0.5)
