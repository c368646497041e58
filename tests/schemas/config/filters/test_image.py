"""An image filter has a bound, and some image lies within its bounds."""

import itertools
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from triptych.schemas.config.filters.image import ImageFilter, ImageSize

FILTER: TypeAdapter[ImageFilter] = TypeAdapter(ImageFilter)


def test_a_size_filter_is_refused_just_when_it_would_keep_nothing() -> None:
    sides = (None, 1, 2, 3)
    for least, most, pixels in itertools.product(sides, sides, (None, 1, 3, 4, 8, 9)):
        kept = [
            (width, height)
            for width, height in itertools.product(range(1, 5), repeat=2)
            if min(width, height) >= (least or 1)
            and max(width, height) <= (most or 4)
            and width * height <= (pixels or 16)
        ]
        bounds = {"min_side": least, "max_side": most, "max_pixels": pixels}
        if kept and any(bounds.values()):
            made = ImageSize.model_validate({"name": "image_size", **bounds})
            assert (made.min_side, made.max_side, made.max_pixels) == (least, most, pixels)
        else:
            with pytest.raises(ValidationError, match=r"no image would be kept|it has no bound"):
                ImageSize.model_validate({"name": "image_size", **bounds})


@pytest.mark.parametrize(
    "options",
    [
        {"name": "image_aspect", "max_ratio": 0.9},
        {"name": "image_constant", "min_std": 0},
        {"name": "image_constant", "min_std": 128},
        {"name": "clip_score", "path": "clip", "min": 2.5},
        {"name": "clip_score", "path": "clip", "min": 0},
    ],
)
def test_thresholds_out_of_range_are_refused(options: dict[str, Any]) -> None:
    *sound, key = options
    assert FILTER.validate_python({name: options[name] for name in sound}).name == options["name"]
    with pytest.raises(ValidationError, match=rf"{key}\n"):
        FILTER.validate_python(options)


def test_a_score_needs_the_weights_of_its_model() -> None:
    with pytest.raises(ValidationError, match=r"path\n.*required"):
        FILTER.validate_python({"name": "clip_score"})
