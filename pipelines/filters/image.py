"""Image filters. They ignore images that cannot be decoded, which another stage drops with its own reason.

Each is a function of its config, a RAW table and the run's limits; it yields the rows to drop, with a detail for the
ledger.
"""

from collections.abc import Iterator

import pyarrow as pa

from ...schemas.config.filters.image import ImageAspect, ImageConstant, ImageSize
from ...schemas.config.run import Limits
from ...tokenizers.image.decode_picture import BadPicture, size_of, squeezed
from .text import RowsToDrop

SIDE = 32  # side of the reduced image whose variation is measured


def image_size(config: ImageSize, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by width and height in the header, without decoding."""
    for row, width, height in _sizes(table):
        if config.min_side is not None and min(width, height) < config.min_side:
            yield row, f"{width}x{height}: shorter side below {config.min_side}"
        if config.max_side is not None and max(width, height) > config.max_side:
            yield row, f"{width}x{height}: longer side above {config.max_side}"
        if config.max_pixels is not None and width * height > config.max_pixels:
            yield row, f"{width}x{height}: more than {config.max_pixels} pixels"


def image_aspect(config: ImageAspect, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by aspect ratio in the header; rotation does not matter."""
    for row, width, height in _sizes(table):
        if max(width, height) > config.max_ratio * min(width, height):
            yield row, f"{width}x{height}: longer side more than {config.max_ratio:g} times the shorter"


def image_constant(config: ImageConstant, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter images of one colour: the largest standard deviation of luminance and colour differences at 32x32.

    At that size, noise and specks of dust average out; transparency is composited on white.
    """
    for row, value in enumerate(table["image"]):
        try:
            std = float(squeezed(value.as_py(), SIDE, limits.pixels).std(axis=(0, 1)).max())
        except BadPicture:
            continue
        if std < config.min_std:
            yield row, f"varies by {std:.2f} levels, less than {config.min_std:g}"


def _sizes(table: pa.Table) -> Iterator[tuple[int, int, int]]:
    """Yield (row, width, height) of every image with a readable header."""
    for row, value in enumerate(table["image"]):
        try:
            width, height = size_of(value.as_py())
        except BadPicture:
            continue
        yield row, width, height
