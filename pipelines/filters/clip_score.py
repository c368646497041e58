"""The filter that asks CLIP whether a text describes its picture."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.config.filters.image import ClipScore
from ...schemas.config.run import Limits
from ...tokenizers.image.clip_model import ClipModel, load_clip
from ...tokenizers.image.picture import BadPicture, whole
from ...tokenizers.protocol import Pixels
from .text import Complaints

WEIGHT = 2.5
PROMPT = "A photo depicts "
BATCH = 32  # pictures decoded and scored together


def clip_score(config: ClipScore, table: pa.Table, limits: Limits) -> Complaints:
    """CLIPScore of picture and text: 2.5 max(cos(v, c), 0).

    v is the picture's vector and c that of "A photo depicts " and the text (Hessel et al. 2021, CLIPScore: a
    reference-free evaluation metric for image captioning, section 3). LAION-400M kept what had a cosine of 0.3 under
    ViT-B-32, which is 0.75 here, though without the prompt (Schuhmann et al. 2021).
    """
    model = load_clip(config.model, config.path)
    for rows, pictures in _batches(table["image"], model.pixels, limits.pixels):
        texts = [table["text"][row].as_py() for row in rows]
        for row, score in zip(rows, clip_scores(model, pictures, texts).tolist(), strict=True):
            if score < config.min:
                yield row, f"CLIPScore {score:.3f}, less than {config.min:g}"


def clip_scores(model: ClipModel, pictures: list[Pixels], texts: list[str]) -> npt.NDArray[np.float32]:
    """(n,) CLIPScore of each picture and its text."""
    cosines = (model.embed_images(pictures) * model.embed_texts([PROMPT + text for text in texts])).sum(axis=1)
    return np.asarray(WEIGHT * np.maximum(cosines, 0))


def _batches(column: pa.ChunkedArray, side: int, max_pixels: int) -> Iterator[tuple[list[int], list[Pixels]]]:
    """Rows and pictures of what opens, BATCH at a time, so that a batch depends on the table alone."""
    rows: list[int] = []
    pictures: list[Pixels] = []
    for row, value in enumerate(column):
        try:
            pictures.append(whole(value.as_py(), side, max_pixels))
        except BadPicture:
            continue
        rows.append(row)
        if len(rows) == BATCH:
            yield rows, pictures
            rows, pictures = [], []
    if rows:
        yield rows, pictures
