"""Converts images with an embedded ICC profile to sRGB, the colours that an image without a profile has.

A profile that describes sRGB changes nothing, and one that is broken or of another colour space than the image is
ignored.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
SAME = 2  # levels by which the many profiles of sRGB differ
STEPS = 9  # of each channel, at which a profile is compared with sRGB

Transform = ImageCms.ImageCmsTransform


def srgb_transform(image: Image.Image) -> Transform | None:
    """The conversion of an image to sRGB; None if it has no profile, or one that changes nothing."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not profile or image.mode == "1":
        return None
    return _transform(profile, base_mode(image))


def base_mode(image: Image.Image) -> str:
    """The mode that holds the colours of an image without transparency: L, CMYK or RGB."""
    if image.mode in ("L", "LA", "La"):
        return "L"
    return "CMYK" if image.mode == "CMYK" else "RGB"


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> Transform | None:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space.strip() != SPACES[mode]:
            return None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return transform if mode == "CMYK" or _moves(transform, mode) else None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _moves(transform: Transform, mode: str) -> bool:
    """Whether a conversion changes any colour of a grid by more levels than profiles of sRGB differ."""
    levels = np.linspace(0, 255, STEPS if mode == "RGB" else 256).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(*[levels] * len(mode)), -1).reshape(1, -1, len(mode))
    grid = Image.fromarray(colours if mode == "RGB" else colours[..., 0])
    moved = ImageCms.applyTransform(grid, transform)
    assert moved is not None
    before, after = (np.asarray(each.convert("RGB"), np.int16) for each in (grid, moved))
    return bool(np.abs(after - before).max() > SAME)
