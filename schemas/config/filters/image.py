"""Image filters and their thresholds."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from .base import Filter


class ImageSize(Filter):
    """Drops images that are too small or too large, by the size in the file header."""

    name: Literal["image_size"]
    min_side: PositiveInt | None = Field(None, description="Minimum length of the shorter side, in pixels")
    max_side: PositiveInt | None = Field(None, description="Maximum length of the longer side, in pixels")
    max_pixels: PositiveInt | None = Field(None, description="Maximum number of pixels (width times height)")

    @model_validator(mode="after")
    def _bounds_leave_something(self) -> "ImageSize":
        if self.min_side is None and self.max_side is None and self.max_pixels is None:
            raise ValueError("it has no bound; give one of min_side, max_side, max_pixels")
        least = self.min_side or 1
        if self.max_side is not None and least > self.max_side:
            raise ValueError(f"`min_side: {least}` is above `max_side: {self.max_side}`; no image would be kept")
        if self.max_pixels is not None and least**2 > self.max_pixels:
            raise ValueError(
                f"`min_side: {least}` needs more than `max_pixels: {self.max_pixels}`; no image would be kept"
            )
        return self


class ImageAspect(Filter):
    """Drops images with an extreme aspect ratio, by the size in the file header."""

    name: Literal["image_aspect"]
    max_ratio: float = Field(3.0, ge=1, description="Maximum ratio of the longer side to the shorter side")


class ImageConstant(Filter):
    """Drops images of (almost) one colour."""

    name: Literal["image_constant"]
    min_std: float = Field(
        2.0, gt=0, le=127.5, description="Minimum standard deviation of luminance or colour, in levels of 0 to 255"
    )


class ClipScore(Filter):
    """Drops pairs whose image and text do not match, by CLIPScore (https://arxiv.org/abs/2104.08718)."""

    name: Literal["clip_score"]
    model: str = Field(
        "ViT-B-32", description="Name of an open_clip architecture; not used for a folder that has its own config"
    )
    path: str = Field(description="Weights of the model: a safetensors file, a folder with them or a hub name")
    min: float = Field(0.75, gt=0, lt=2.5, description="Minimum CLIPScore, which is 2.5 times the cosine similarity")


ImageFilter = ImageSize | ImageAspect | ImageConstant | ClipScore
