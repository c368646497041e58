"""CLIPScore as the paper defines it, on a small random-weight model of the real class."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from PIL import Image
from pydantic import ValidationError

from triptych.pipelines.filters.clip_score import clip_score
from triptych.schemas.config.filters.image import ClipScore
from triptych.schemas.config.run import Limits
from triptych.schemas.errors import Refusal

from ...tokenizers.image.tiny_clip import save_clip

COUNT = 40


def files(count: int) -> tuple[list[bytes], npt.NDArray[np.uint8]]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)
    data = []
    for picture in pixels:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "BMP")
        data.append(stream.getvalue())
    return data, pixels


def test_scores_are_those_of_the_paper(tmp_path: Path) -> None:
    import open_clip
    import torch

    model = save_clip(tmp_path)
    data, pixels = files(COUNT)
    texts = [f"thing number {index}" for index in range(COUNT)]
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.48, 0.46, 0.41], [0.27, 0.26, 0.28]))
    with torch.no_grad():
        v = model.encode_image((torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std, normalize=True)
        words = open_clip.get_tokenizer("ViT-B-32")(["A photo depicts " + text for text in texts])
        cosines = (v * model.encode_text(words, normalize=True)).sum(1).numpy()
    expected = 2.5 * np.maximum(cosines, 0)
    least = float(np.sort(expected)[COUNT // 2 : COUNT // 2 + 2].mean())
    assert least > 0

    images = pa.chunked_array([[*data[:7], b"no picture"], data[7:]], pa.binary())
    table = pa.table({"image": images, "text": [*texts[:7], "whatever", *texts[7:]]})
    config = ClipScore(name="clip_score", path=str(tmp_path), min=least)
    found = dict(clip_score(config, table, Limits()))
    assert found.keys() == {row + (row >= 7) for row in np.flatnonzero(expected < least).tolist()}
    row = min(found)
    assert found[row] == f"CLIPScore {expected[row]:.3f}, less than {least:g}"


def test_weights_that_are_not_there_are_refused(tmp_path: Path) -> None:
    table = pa.table({"image": pa.array([], pa.binary()), "text": pa.array([], pa.string())})
    with pytest.raises(Refusal, match="no such file or folder"):
        list(clip_score(ClipScore(name="clip_score", path=str(tmp_path / "nowhere")), table, Limits()))


def test_thresholds_that_keep_all_or_nothing_are_refused() -> None:
    for least in (0, 2.5):
        with pytest.raises(ValidationError, match="min"):
            ClipScore(name="clip_score", path="x", min=least)
