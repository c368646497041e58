"""A training sample is drawn by document id alone, and holds what the tokenizer of the modality is trained on."""

import io
import random
from typing import Any

import numpy as np
import pyarrow as pa
import soundfile

from triptych.pipelines.tokenize.training_sample import DrawTrainingSample, draw_training_sample
from triptych.schemas.config.run import Limits
from triptych.schemas.vocabulary import Modality


def table(**columns: Any) -> pa.Table:
    count = len(next(iter(columns.values())))
    ids = [bytes(8) + (i << 56).to_bytes(8, "little") for i in range(count)]  # a number is i / 256 of the largest
    return pa.table({"id": pa.array(ids, pa.binary(16)), "source": [f"s{i}" for i in range(count)], **columns})


def test_the_last_eight_bytes_of_the_id_decide() -> None:
    draw = random.Random(0)
    ids = [draw.randbytes(16) for _ in range(2000)]
    for share in (0.0, 0.1, 0.5, 1.0):
        mask = draw_training_sample(pa.chunked_array([pa.array(ids, pa.binary(16))]), share).to_pylist()
        assert mask == [int.from_bytes(each[8:], "little") / 2**64 < share for each in ids]
        assert abs(sum(mask) / 2000 - share) < 0.04


def test_texts_are_drawn_as_they_are() -> None:
    stage = DrawTrainingSample(Modality.TEXT, 3 / 256, Limits())
    outcome = stage.run(table(text=["zéro", "one", "", "three", "four"]))
    assert outcome.table.to_pydict() == {"source": ["s0", "s1", "s2"], "data": ["zéro".encode(), b"one", b""]}
    assert outcome.dropped.num_rows == 0
    assert (stage.name, stage.counted) == ("draw-text", False)


def test_pictures_become_squares_and_the_bad_are_left_out(makers: Any) -> None:
    from PIL import Image

    sink = io.BytesIO()
    Image.new("RGB", (12, 6), (10, 200, 30)).save(sink, format="PNG")
    images = pa.array([sink.getvalue(), b"no picture", makers.picture(0, 40, 40), b""], pa.binary())
    outcome = DrawTrainingSample(Modality.IMAGE, 1.0, Limits(pixels=1000), 4).run(table(image=images))
    assert outcome.table.to_pydict() == {"source": ["s0"], "data": [bytes([10, 200, 30]) * 16]}


def test_clips_become_waves() -> None:
    wave = np.array([0.5, -0.25] * 400, np.float32)
    sink = io.BytesIO()
    soundfile.write(sink, wave, 16000, format="WAV", subtype="FLOAT")
    clips = pa.array([b"no clip", sink.getvalue()], pa.binary())
    outcome = DrawTrainingSample(Modality.AUDIO, 1.0, Limits(), 16000).run(table(audio=clips))
    assert outcome.table.to_pydict() == {"source": ["s1"], "data": [wave.tobytes()]}
