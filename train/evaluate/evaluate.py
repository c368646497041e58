"""All that is measured of a run, group after group: figures, what could not be measured, and what to look at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.config.model import Task
from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Modality
from .likelihood.benchmarks import suite_rows
from .likelihood.held_out import held_out_rows
from .likelihood.judge import Judge
from .report.curves import curves
from .report.exhibits import Exhibit, of_clips, of_pictures, of_texts
from .report.metric import Metric
from .report.missing import Missing
from .samples import images, speech, text
from .samples.generate import Files, clips, make, pictures, text_codes
from .samples.image_features import Features
from .samples.references import Reference, references

if TYPE_CHECKING:
    from ...tokenizers.image.clip_model import ClipModel
    from ..generate.generator import Generator

Found = Metric | Missing | Exhibit
Originals = Callable[[Sequence[Reference], Modality], Mapping[bytes, bytes]]


@dataclass(frozen=True)
class EvaluationRequest:
    """What a person wants measured, and on what."""

    n: int = 16  # samples of each task
    seed: int = 0
    data: str | None = None  # a dataset; None: those that the run was trained on
    suite: Path | None = None  # a folder of benchmarks
    limit: int | None = None  # items of each
    clip: str | None = None  # a folder
    features: str | None = None  # a file


@dataclass(frozen=True)
class Means:
    """The same, opened; what is None is not measured, and the report says so."""

    asked: EvaluationRequest
    datasets: tuple[Dataset, ...]
    share: float  # of the documents that are held out
    originals: Originals  # finds the files that documents were made from; may raise Refusal
    clip: "tuple[ClipModel, str] | None"  # and its name
    features: Features | None
    judge: Judge | None


def evaluate(
    generator: "Generator", means: Means, report: Callable[[str], None] = lambda group: None
) -> Iterator[Found]:
    """Everything of a run; `report` is told each group before it is begun."""
    groups = {
        "training": _training,
        "held out": _held_out,
        "benchmarks": _suite,
        "images": _images,
        "speech": _speech,
        "text": _text,
    }
    for name, group in groups.items():
        report(name)
        which = "all figures"
        try:
            for found in group(generator, means):
                which = "all other figures"
                yield found
        except Refusal as refusal:
            yield Missing(name, which, str(refusal))


def _training(generator: "Generator", means: Means) -> Iterator[Found]:
    yield Exhibit("training", "", curves(generator.folder, means.datasets))


def _held_out(generator: "Generator", means: Means) -> Iterator[Found]:
    yield from held_out_rows(generator, means.asked.data, seed=means.asked.seed)


def _suite(generator: "Generator", means: Means) -> Iterator[Found]:
    if means.asked.suite is None:
        yield Missing("benchmarks", "all figures", "no folder of benchmarks was given: --suite DIR")
        return
    yield from suite_rows(generator, means.asked.suite, means.asked.limit, seed=means.asked.seed)


def _images(generator: "Generator", means: Means) -> Iterator[Found]:
    held = _held(generator, Modality.IMAGE, means)
    files, lack = _files(means, held, Modality.IMAGE)
    if lack:
        yield Missing("images", "PSNR and SSIM of the tokenizer, floor of the Fréchet distance", lack)
    shown = pictures(generator, held, files, means.asked.seed)
    if shown.originals is not None:
        yield from images.reconstruction_rows(generator.bundle.image, shown.originals)
    if means.clip is None:
        yield Missing("images", "CLIP score", "no CLIP was given: --clip DIR")
    else:
        yield from images.clip_rows(shown, *means.clip)
    if means.features is None:
        yield Missing("images", "Fréchet distance", "no feature extractor was given: --features FILE or --clip DIR")
    elif len(held) > 1:
        yield from images.frechet_rows(shown, means.features)
    if len(held) > 1 and generator.bundle.image.pixels >= images.WINDOW:
        yield images.diversity_row(shown)
    yield from of_pictures(shown)


def _speech(generator: "Generator", means: Means) -> Iterator[Found]:
    held = _held(generator, Modality.AUDIO, means)
    files, lack = _files(means, held, Modality.AUDIO)
    if lack:
        yield Missing("speech", "error rates of real speech", lack)
    said = clips(generator, held, files, means.asked.seed)
    yield from speech.error_rows(said)
    yield from speech.quality_rows(said)
    yield speech.duration_row(said)
    yield from of_clips(said)
    try:
        written = [made.text or "" for made in make(generator, Task.S2T, said.restored, means.asked.seed)]
    except Refusal as refusal:
        yield Missing("speech", "word error rate of transcripts", str(refusal))
    else:
        yield from speech.transcript_rows(written, said)


def _text(generator: "Generator", means: Means) -> Iterator[Found]:
    held = _held(generator, Modality.TEXT, means)
    made = make(generator, Task.TEXT, [""] * len(held), means.asked.seed, length=text.LENGTH)
    real = [one.codes[Modality.TEXT] for one in held]
    yield from text.text_rows(*text.equally_long([text_codes(generator, one) for one in made], real), means.judge)
    begun = [generator.bundle.text.decode(codes[: text.LENGTH]) for codes in real]
    yield from of_texts([one.text or "" for one in made], begun)


def _files(means: Means, held: Sequence[Reference], modality: Modality) -> tuple[Files, str]:
    """What the documents were made from, or why that is not at hand."""
    try:
        files = means.originals(held, modality)
    except (Refusal, OSError) as error:
        return {}, str(error)
    lost = sum(one.document not in files for one in held)
    return files, f"{lost} of {len(held)} documents are not in the sources any more" if lost else ""


def _held(generator: "Generator", modality: Modality, means: Means) -> list[Reference]:
    """Held-out documents of a modality, as many as samples; raises Refusal when there are none."""
    name = modality.name.lower()
    if modality not in generator.bundle:
        raise Refusal(f"the run was trained without {name}")
    if held := references(means.datasets, means.share, modality, means.asked.n):
        return held
    where = ", ".join(dataset.url for dataset in means.datasets)
    raise Refusal(f"no {name} is held out of {where} (a share of {means.share:g} of the documents)")
