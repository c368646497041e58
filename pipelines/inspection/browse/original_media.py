"""The original of a segment's document, read again from its source, as the tokenizer saw it and as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ....schemas.dataset.reader import Dataset
from ....schemas.errors import Refusal
from ....schemas.vocabulary import Modality
from ....tokenizers.audio.bad_clip import BadClip
from ....tokenizers.image.bad_picture import BadPicture
from ....tokenizers.image.decode_picture import size_of, square, uncropped
from ....tokenizers.protocol import Pixels, Wave
from ...sources.streams import Broken
from ..originals import originals
from .media_lock import MEDIA_LOCK
from .segment_detail import SegmentDetail

LARGEST = 1024  # side of an original image that is shown whole


@dataclass(frozen=True)
class Missing:
    """Why an original cannot be shown."""

    why: str


def read_originals(
    dataset: Dataset, details: Sequence[SegmentDetail], modality: Modality
) -> dict[str, bytes | str | Missing]:
    """Read the files or texts of some documents again from their sources, in one pass over each file.

    Args:
        dataset: The dataset.
        details: Segments of the documents.
        modality: What is read of each.

    Returns:
        The file or the text by document id in hexadecimal, or why there is none.
    """
    origins = {bytes.fromhex(d.id): (d.origin["source"], d.origin["file"], d.origin["row"]) for d in details}
    try:
        with MEDIA_LOCK:
            found = originals(dataset, origins, modality.name.lower())
    except (Refusal, OSError, Broken) as error:
        return {document.hex(): Missing(str(error)) for document in origins}
    return {
        document.hex(): found.get(document, Missing(f"{file}: row {row} is not there any more, or has changed since."))
        for document, (_, file, row) in origins.items()
    }


def picture_as_seen(data: bytes, side: int, most: int) -> Pixels | Missing:
    """Decode an original image as the tokenizer saw it: upright, cropped to a square, resized."""
    try:
        with MEDIA_LOCK:
            return square(data, side, most)
    except BadPicture as error:
        return Missing(str(error))


def whole_picture(data: bytes, most: int) -> Pixels | Missing:
    """Decode a whole original image, scaled down to at most LARGEST pixels a side."""
    try:
        with MEDIA_LOCK:
            width, height = size_of(data)
            pixels = uncropped(data, min(LARGEST, max(width, height)), most)
    except BadPicture as error:
        return Missing(str(error))
    image = Image.fromarray(pixels)
    image.thumbnail((LARGEST, LARGEST))
    return np.asarray(image)


def clip_as_heard(data: bytes, rate: int, seconds: float) -> Wave | Missing:
    """Decode an original clip as the tokenizer heard it: mono, at its sample rate."""
    with MEDIA_LOCK:
        from ....tokenizers.audio.decode_clip import wave_of

        try:
            return wave_of(data, rate, seconds)
        except BadClip as error:
            return Missing(str(error))
