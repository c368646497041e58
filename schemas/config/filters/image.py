"""Filters of pictures: thresholds as keys."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from .base import Filter


class ImageSize(Filter):
    """Pictures that are too small or too large, by their headers."""

    name: Literal["image_size"]
    min_side: PositiveInt | None = Field(None, description="Pixels of the shorter side, at least")
    max_side: PositiveInt | None = Field(None, description="Pixels of the longer side, at most")
    max_pixels: PositiveInt | None = Field(None, description="Width times height, at most")

    @model_validator(mode="after")
    def _bounds_leave_something(self) -> "ImageSize":
        if self.min_side is None and self.max_side is None and self.max_pixels is None:
            raise ValueError("it has no bound; give one of min_side, max_side, max_pixels")
        least = self.min_side or 1
        if self.max_side is not None and least > self.max_side:
            raise ValueError(f"`min_side: {least}` is above `max_side: {self.max_side}`; no picture is left")
        if self.max_pixels is not None and least**2 > self.max_pixels:
            raise ValueError(f"`min_side: {least}` makes more than `max_pixels: {self.max_pixels}`; no picture is left")
        return self


class ImageAspect(Filter):
    """Pictures that are much longer than they are wide or high, by their headers."""

    name: Literal["image_aspect"]
    max_ratio: float = Field(3.0, ge=1, description="Longer side over shorter side, at most")


class ImageConstant(Filter):
    """Pictures of one colour, or almost."""

    name: Literal["image_constant"]
    min_std: float = Field(
        2.0, gt=0, le=127.5, description="Levels of 255 by which luminance or colours vary, standard deviation"
    )


class ClipScore(Filter):
    """Pairs whose picture and text have little to do with each other, by CLIP."""

    name: Literal["clip_score"]
    model: str = Field("ViT-B-32", description="An architecture of open_clip; a folder with a config has its own")
    path: str = Field(description="Its weights: a file or a folder of safetensors, or a hub name")
    min: float = Field(0.75, gt=0, lt=2.5, description="CLIPScore, at least: 2.5 times the cosine")


ImageFilter = ImageSize | ImageAspect | ImageConstant | ClipScore
