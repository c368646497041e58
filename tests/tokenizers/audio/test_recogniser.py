"""Word errors as counted, and the recogniser itself where the extra `speech` is installed."""

import numpy as np
import pytest

from triptych.schemas.errors import Refusal
from triptych.tokenizers.audio import recogniser

needs_speech = pytest.mark.skipif(not recogniser.available(), reason="the extra `speech` is not installed")


@needs_speech
def test_case_punctuation_and_digits_are_no_errors() -> None:
    counts = recogniser.word_errors(["Press one, then the pound key!"], ["press 1 then  the pound key"])
    assert counts.tolist() == [[0, 6]]


@needs_speech
@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("a well-known caf\u00e9", "A well known cafe\u0301!"),
        ("it\u2019s \u201cdone\u201d \u2013 now", 'it\'s "done" now'),
        ("one [noise] two", "one two"),
    ],
)
def test_spelling_that_sounds_alike_is_no_error(said: str, heard: str) -> None:
    assert recogniser.word_errors([said], [heard])[0, 0] == 0


@needs_speech
def test_errors_are_counted_clip_by_clip() -> None:
    said = ["one two three", "four", "...", "five six"]
    heard = ["one too three four", "", "noise here", "five six"]
    assert recogniser.word_errors(said, heard).tolist() == [[2, 3], [1, 1], [2, 0], [0, 2]]


@needs_speech
def test_silence_is_not_speech() -> None:
    assert recogniser.word_error_rate([np.zeros(16000, np.float32)], ["hello world"]) >= 0.5


def test_without_the_extra_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recogniser, "PACKAGES", ("no_such_package",))
    recogniser._model.cache_clear()
    assert not recogniser.available()
    with pytest.raises(Refusal, match=r"triptych\[speech\]"):
        recogniser.word_error_rate([], [])
