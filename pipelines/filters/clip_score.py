"""The filter by CLIPScore: whether a text describes its image."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.config.filters.image import ClipScore
from ...schemas.config.run import Limits
from ...tokenizers.image.clip_model import ClipModel, load_clip
from ...tokenizers.image.decode_picture import BadPicture, uncropped
from ...tokenizers.protocol import Pixels
from .text import RowsToDrop

WEIGHT = 2.5
PROMPT = "A photo depicts "
BATCH = 32  # images decoded and scored together


def clip_score(config: ClipScore, table: pa.Table, limits: Limits) -> RowsToDrop:
    """Filter by CLIPScore: 2.5 max(cos(v, c), 0).

    v is the embedding of the image and c that of "A photo depicts " and the text (Hessel et al. 2021,
    https://arxiv.org/abs/2104.08718, section 3). LAION-400M kept pairs with a cosine of at least 0.3 under ViT-B-32,
    which is 0.75 here, but without the prompt (Schuhmann et al. 2021, https://arxiv.org/abs/2111.02114).
    """
    model = load_clip(config.model, config.path)
    for rows, pictures in _batches(table["image"], model.pixels, limits.pixels):
        texts = [table["text"][row].as_py() for row in rows]
        for row, score in zip(rows, clip_scores(model, pictures, texts).tolist(), strict=True):
            if score < config.min:
                yield row, f"CLIPScore {score:.3f}, less than {config.min:g}"


def clip_scores(model: ClipModel, pictures: list[Pixels], texts: list[str]) -> npt.NDArray[np.float32]:
    """Return the (n,) CLIPScore of each image and its text."""
    cosines = (model.embed_images(pictures) * model.embed_texts([PROMPT + text for text in texts])).sum(axis=1)
    return np.asarray(WEIGHT * np.maximum(cosines, 0))


def _batches(column: pa.ChunkedArray, side: int, max_pixels: int) -> Iterator[tuple[list[int], list[Pixels]]]:
    """Yield rows and images that can be decoded, BATCH at a time, so that batches depend only on the table."""
    rows: list[int] = []
    pictures: list[Pixels] = []
    for row, value in enumerate(column):
        try:
            pictures.append(uncropped(value.as_py(), side, max_pixels))
        except BadPicture:
            continue
        rows.append(row)
        if len(rows) == BATCH:
            yield rows, pictures
            rows, pictures = [], []
    if rows:
        yield rows, pictures
