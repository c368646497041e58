"""Rows that cannot become samples are dropped by their headers, each for its first problem."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import soundfile

from triptych.pipelines.sources.validate import Validate
from triptych.schemas.config.run import Limits


def raw(**columns: Any) -> pa.Table:
    count = len(columns["text"])
    origin = {"source": ["s"] * count, "file": ["f"] * count, "row": list(range(count))}
    return pa.table(origin | columns)


def wav(samples: int, rate: int = 1000) -> bytes:
    sink = io.BytesIO()
    soundfile.write(sink, np.zeros(samples), rate, format="WAV", subtype="PCM_16")
    return sink.getvalue()


def dropped(table: pa.Table, **limits: Any) -> dict[int, str]:
    """Reason by row; the other rows are kept as they were."""
    outcome = Validate(Limits(**limits)).run(table)
    reasons = dict(zip(*(outcome.dropped[name].to_pylist() for name in ("row", "reason")), strict=True))
    assert outcome.table.to_pylist() == [row for row in table.to_pylist() if row["row"] not in reasons]
    assert set(outcome.dropped["stage"].to_pylist()) <= {"normalise"}
    return reasons


def test_empty_texts() -> None:
    assert dropped(raw(text=["a", "", " \t\n\u3000", " b "])) == {1: "text_empty", 2: "text_empty"}


def test_pictures_up_to_the_limit(makers: Any) -> None:
    pictures = [makers.picture(0, 8, 6), makers.picture(1, 7, 7), b"", b"no picture", b""]
    table = raw(text=["a", "b", "c", "d", ""], image=pa.array(pictures, pa.binary()))
    assert dropped(table, pixels=48) == {
        1: "image_too_large",
        2: "image_empty",
        3: "image_undecodable",
        4: "text_empty",
    }
    assert 1 not in dropped(table, pixels=49)


def test_clips_up_to_the_limits() -> None:
    clips = [wav(20), wav(19), wav(0), wav(500), wav(501), b"no clip"]
    table = raw(text=["a"] * 6, audio=pa.array(clips, pa.binary()))
    assert dropped(table, seconds=0.5) == {
        1: "audio_too_short",
        2: "audio_empty",
        4: "audio_too_long",
        5: "audio_undecodable",
    }


def test_the_identity_changes_with_every_limit() -> None:
    made = [Validate(Limits(**{name: 5})) for name in ("row_bytes", "pixels", "seconds")] + [Validate(Limits())]
    assert len({str(stage.identity()) for stage in made}) == 4
