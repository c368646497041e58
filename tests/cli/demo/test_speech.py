"""Spoken clips: each with its text, none too long for a row, and the same for the same seed."""

import io
from collections import Counter
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from triptych.cli.demo import speech

needs_espeak = pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="needs triptych[demo]")


@needs_espeak
def test_speech_is_flac_with_its_text_and_the_same_every_time(tmp_path: Path) -> None:
    counts = [speech.write_speech(tmp_path / f"{name}.parquet", seed=3, clips=8) for name in "ab"]
    assert counts == [8, 8]
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    for row, planned in zip(pq.read_table(tmp_path / "a.parquet").to_pylist(), speech.plan(3, 8), strict=True):
        samples, rate = sf.read(io.BytesIO(row["audio"]))
        assert (row["text"], rate, samples.ndim) == (planned.text, 16_000, 1)
        assert 0.3 < len(samples) / rate <= speech.LONGEST
        assert 0.05 < np.abs(samples).max() < 1.0


def test_every_word_is_spoken_alone_about_as_often() -> None:
    alone = Counter(planned.text for planned in speech.plan(0, speech.CLIPS) if " " not in planned.text)
    assert set(alone) == set(speech.WORDS)
    assert max(alone.values()) - min(alone.values()) <= 1


@needs_espeak
def test_a_clip_too_long_for_a_row_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phrases = ["ten", "one two three four five six seven eight nine ten"]
    monkeypatch.setattr(speech, "_phrases", lambda rng: cycle(phrases))
    texts = [planned.text for planned in speech.plan(0, 6)]
    assert 0 < texts.count("ten") < 6
    assert speech.write_speech(tmp_path / "speech.parquet", seed=0, clips=6) == texts.count("ten")
