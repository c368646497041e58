"""What people do to pictures before they pass them on, and a judge that does not share the pipeline's ways."""

import io
import random
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter
from scipy.signal import correlate

Floats = npt.NDArray[np.float64]
Sides = tuple[float, float, float, float]

QUALITY = 90  # of JPEGs that are not edited by their quality
JUDGED = 128  # side at which pictures are judged
COARSE = 6  # pixels: what is no finer than this is not detail
SQUEEZED = (0.9, 0.95, 1.0)


def saved(image: Image.Image, quality: int = QUALITY) -> bytes:
    """The picture as a JPEG."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def cropped(image: Image.Image, sides: Sides) -> bytes:
    """The picture without shares of it at the left, top, right and bottom."""
    width, height = image.size
    left, top, right, bottom = sides
    return saved(
        image.crop(
            (round(left * width), round(top * height), width - round(right * width), height - round(bottom * height))
        )
    )


def scaled(image: Image.Image, scale: float) -> bytes:
    """The picture with its sides multiplied."""
    size = tuple(max(1, round(side * scale)) for side in image.size)
    return saved(image.resize((size[0], size[1]), Image.Resampling.LANCZOS))


def edits_of(image: Image.Image, seed: int) -> dict[str, bytes]:
    """Every edit of an RGB picture by its name; all but the one of quality are saved as JPEG of quality 90."""
    draw = random.Random(seed)
    one_side = [0.0, 0.0, 0.0, 0.0]
    one_side[draw.randrange(4)] = 0.05
    edits: dict[str, Callable[[], bytes]] = {
        "resized to half": lambda: scaled(image, 0.5),
        "resized to 128 pixels": lambda: scaled(image, 128 / max(image.size)),
        "JPEG of quality 30": lambda: saved(image, 30),
        "5 % off all sides": lambda: cropped(image, (0.05, 0.05, 0.05, 0.05)),
        "5 % off one side": lambda: cropped(image, (one_side[0], one_side[1], one_side[2], one_side[3])),
        "up to 5 % off each": lambda: cropped(
            image, (draw.uniform(0, 0.05), draw.uniform(0, 0.05), draw.uniform(0, 0.05), draw.uniform(0, 0.05))
        ),
        "20 % brighter": lambda: saved(ImageEnhance.Brightness(image).enhance(1.2)),
        "20 % darker": lambda: saved(ImageEnhance.Brightness(image).enhance(0.8)),
    }
    return {name: edit() for name, edit in edits.items()}


def resemblance(one: Image.Image, other: Image.Image) -> float:
    """The greatest correlation of details when either RGB picture, perhaps squeezed, is looked for within the other.

    Squeezed by 0, 5 or 10 % along each side, as a crop at both ends would be; moved to wherever it fits best.
    """
    return max(
        _best_fit(_detail_of(field, JUDGED, JUDGED), _detail_of(piece, round(JUDGED * across), round(JUDGED * down)))
        for field, piece in ((one, other), (other, one))
        for across in SQUEEZED
        for down in SQUEEZED
    )


def _detail_of(image: Image.Image, width: int, height: int) -> Floats:
    small = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(small, np.float64) - np.asarray(small.filter(ImageFilter.BoxBlur(COARSE)), np.float64)


def _best_fit(field: Floats, piece: Floats) -> float:
    """Normalised correlation where it is greatest; what has no detail resembles nothing."""
    product = correlate(field, piece, mode="valid", method="fft")
    energy = correlate((field**2).sum(2), np.ones(piece.shape[:2]), mode="valid", method="fft")
    return float((product[..., 0] / np.sqrt(np.maximum(energy, 1.0) * max((piece**2).sum(), 1.0))).max())
