"""Filters of clips complain about what they are for, with figures, and about nothing that does not decode."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from triptych.pipelines.filters import audio
from triptych.schemas.config.filters.audio import Clipping, Duration, Silence, TranscriptRate
from triptych.schemas.config.filters.base import Filter
from triptych.schemas.config.run import Limits

RATE = 8000
BAD = (b"", b"no clip at all")
Judge = Callable[[Any, pa.Table, Limits], Any]


def file_of(samples: np.ndarray, container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    sink = BytesIO()
    soundfile.write(sink, samples, RATE, format=container, subtype=subtype)
    return sink.getvalue()


def tone(seconds: float, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)


def complaints(config: Filter, clips: Sequence[bytes], texts: Sequence[str] | None = None) -> dict[int, str]:
    judge: Judge = getattr(audio, config.name)  # type: ignore[attr-defined]
    columns = {"audio": pa.chunked_array([clips[:1], clips[1:]], pa.binary()), "text": texts or [""] * len(clips)}
    return dict(judge(config, pa.table(columns), Limits(seconds=5)))


@given(st.lists(st.integers(160, 4000), max_size=5), st.integers(200, 2000), st.integers(200, 2000))
def test_durations_are_those_of_the_headers(lengths: list[int], one: int, other: int) -> None:
    least, most = sorted((one / RATE, other / RATE))
    clips = [file_of(np.zeros(length)) for length in lengths]
    found = complaints(Duration(name="duration", min_seconds=least, max_seconds=most), [*clips, *BAD])
    assert set(found) == {row for row, length in enumerate(lengths) if not least <= length / RATE <= most}


def test_a_duration_is_in_the_detail() -> None:
    config = Duration(name="duration", min_seconds=0.2, max_seconds=1)
    assert complaints(config, [file_of(tone(seconds)) for seconds in (0.1, 0.2, 1, 2)]) == {
        0: "0.10 s, less than 0.2",
        3: "2.00 s, more than 1",
    }


def test_silence_is_a_share_of_frames_under_a_level() -> None:
    half = np.concatenate([tone(0.5), tone(0.5, 0.0005)])
    clips = [file_of(clip) for clip in (tone(1), half, tone(1, 0.0005), np.zeros(RATE))]
    strict = Silence(name="silence", max_share=0.3, threshold_db=-60)
    assert complaints(strict, [*clips, *BAD]) == {
        1: "0.50 of the frames are silent, more than 0.3",
        2: "1.00 of the frames are silent, more than 0.3",
        3: "1.00 of the frames are silent, more than 0.3",
    }
    assert set(complaints(Silence(name="silence", max_share=0.3, threshold_db=-80), clips)) == {3}
    assert set(complaints(Silence(name="silence"), clips)) == {2, 3}


@pytest.mark.parametrize(
    ("container", "subtype"), [("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")]
)
def test_clipping_is_a_share_of_samples_at_full_scale(container: str, subtype: str) -> None:
    clips = [file_of(np.clip(tone(1, level), -1, 1), container, subtype) for level in (0.5, 0.9, 2, 20)]
    found = complaints(Clipping(name="clipping", max_share=0.05), [*clips, *BAD])
    assert set(found) == {2, 3}
    assert complaints(Clipping(name="clipping", max_share=1), clips) == {}


def test_a_stereo_clip_is_at_full_scale_where_both_channels_are() -> None:
    loud, quiet = np.clip(tone(1, 20), -1, 1), tone(1, 0.1)
    clips = [file_of(np.stack(pair, axis=1)) for pair in ((loud, loud), (loud, quiet))]
    assert set(complaints(Clipping(name="clipping"), clips)) == {0}


def test_a_text_too_long_or_too_short_for_its_clip() -> None:
    clips = [file_of(tone(1))] * 3
    texts = ["  fifteen letters\n", "a" * 26, "abc"]
    config = TranscriptRate(name="transcript_rate", min=4, max=25)
    assert complaints(config, [*clips, *BAD], [*texts, "", ""]) == {
        1: "26.00 characters a second, more than 25",
        2: "3.00 characters a second, less than 4",
    }


@pytest.mark.parametrize("config", [Silence, Clipping])
def test_a_clip_beyond_the_limit_is_not_judged(config: type[Filter]) -> None:
    assert complaints(config(name=config.__name__.lower(), max_share=0), [file_of(np.zeros(6 * RATE))]) == {}  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("config", "values"),
    [(Duration, {}), (Duration, {"min_seconds": 2, "max_seconds": 1}), (TranscriptRate, {"min": 9, "max": 8})],
)
def test_bounds_that_leave_nothing_are_refused(config: type[Filter], values: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=r"no bound|no clip would be kept"):
        config.model_validate({"name": "duration" if config is Duration else "transcript_rate", **values})
