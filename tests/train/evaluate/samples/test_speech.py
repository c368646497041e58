"""Figures of speech against known answers; what hears it is tested where it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from triptych.tokenizers.audio import recogniser
from triptych.train.evaluate.report.metric import Metric
from triptych.train.evaluate.report.missing import Missing
from triptych.train.evaluate.samples import speech
from triptych.train.evaluate.samples.speech import (
    Clips,
    character_errors,
    duration_row,
    error_rows,
    opinions,
    quality_rows,
)

needs_speech = pytest.mark.skipif(not recogniser.available(), reason="the extra `speech` is not installed")


def wave(seconds: float, pitch: float = 300.0) -> Any:
    return np.sin(np.arange(int(8000 * seconds)) * pitch * 2 * np.pi / 8000, dtype=np.float32)


def clips(texts: Sequence[str], made: Sequence[float], real: Sequence[float], originals: bool = True) -> Clips:
    restored = [wave(seconds) for seconds in real]
    return Clips(list(texts), [wave(seconds) for seconds in made], restored, restored if originals else None, 8000)


@needs_speech
def test_character_errors_are_counted_after_normalising() -> None:
    counts = character_errors(["A big bus.", "seven", "", "five"], ["a BIG, bus", "sven", "ab", "5"])
    assert counts.tolist() == [[0, 9], [1, 5], [2, 0], [0, 4]]


@needs_speech
def test_a_perfect_copy_has_no_errors_and_the_codec_is_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([["one two", "three four"], ["one two", "three for"], ["one two", "three four"]])
    monkeypatch.setattr(recogniser, "transcribe", lambda waves: next(answers))
    found = list(error_rows(clips(["one two", "three four"], [1, 1], [1, 1])))
    rows = {row.name: row for row in found if isinstance(row, Metric)}
    assert rows["word error rate of samples"].value == 0
    assert rows["word error rate of samples"].floor == rows["word error rate of the codec"].value == 1 / 4
    assert rows["word error rate of real speech"].value == 0
    assert rows["character error rate of the codec"].value == pytest.approx(1 / 17)
    assert all("jiwer" in row.note and "Whisper" in row.note for row in rows.values())


def test_without_a_recogniser_its_figures_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recogniser, "available", lambda: False)
    (only,) = error_rows(clips(["one"], [1], [1]))
    assert isinstance(only, Missing)
    assert "triptych[speech]" in only.why


def test_quality_is_scored_from_1_to_5_and_the_codec_is_the_floor() -> None:
    noise = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    (row,) = quality_rows(Clips(["a"], [noise], [wave(1)], None, 8000))
    assert isinstance(row, Metric)
    assert row.floor is not None
    assert 1 <= row.value < row.floor <= 5  # a clean tone is better than noise


def test_a_clip_without_sound_has_the_least_quality() -> None:
    assert opinions([np.zeros(0, np.float32)]).tolist() == [1.0]


def test_without_the_network_quality_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "DNSMOS", ("a_package_that_nobody_has",))
    (only,) = quality_rows(clips(["one"], [1], [1]))
    assert isinstance(only, Missing)
    assert "triptych[evaluate]" in only.why


def test_durations_are_compared_with_the_held_out_clips() -> None:
    row = duration_row(clips(["a", "b", "c"], [1, 3, 2], [2, 2, 2]))
    assert row.value == pytest.approx(1 / 3)
    assert row.floor == 0
    assert row.error == pytest.approx(1 / 6)
    assert "1.00 on average, from 0.50 to 1.50" in row.note
