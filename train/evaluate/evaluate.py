"""Evaluate a run, group after group: figures, what could not be measured, and samples.

An error in one group is a line of the report, and the other groups are measured all the same.
"""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.config.model import Task
from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from ...schemas.identity import bytes_fingerprint
from ...schemas.vocabulary import Modality
from .kept_groups import EvaluationResult, KeptGroups
from .likelihood.benchmarks import Benchmark, benchmark_context, benchmark_files
from .likelihood.causal_scorer import CausalScorer
from .likelihood.held_out import held_out_metrics
from .report.curves import curves
from .report.exhibits import Exhibit, of_clips, of_pictures, of_texts
from .report.not_measured import NotMeasured
from .samples import images, speech, text
from .samples.generate import Files, generate_clips, generate_pictures, generate_samples, text_codes
from .samples.image_features import Features
from .samples.references import Reference, references

if TYPE_CHECKING:
    from ...tokenizers.image.clip_model import ClipModel
    from ..generate.generator import Generator

Originals = Callable[[Sequence[Reference], Modality], Mapping[bytes, bytes]]


@dataclass(frozen=True)
class EvaluationRequest:
    """What a user wants to be measured, and on what data."""

    n: int = 16  # number of samples of each task
    seed: int = 0
    data: str | None = None  # path of a dataset; None: those that the run was trained on
    allow_overlap: bool = False  # go on although the run was trained on documents that are evaluated as held out
    suite: Path | None = None  # a folder of benchmarks
    limit: int | None = None  # largest number of items of each benchmark
    clip: str | None = None  # folder of a CLIP model
    features: str | None = None  # TorchScript file of a feature extractor


@dataclass(frozen=True)
class EvaluationContext:
    """Everything that an evaluation uses, opened; what is None is not measured, and the report says so."""

    request: EvaluationRequest
    datasets: tuple[Dataset, ...]
    share: float  # share of documents that are held out
    originals: Originals  # finds the source files of documents; may raise Refusal
    clip: "tuple[ClipModel, str] | None"  # the model and its name
    features: Features | None
    scorer: CausalScorer | None


def evaluate(
    generator: "Generator",
    context: EvaluationContext,
    report: Callable[[str], None] = lambda group: None,
    kept: KeptGroups | None = None,
) -> Iterator[EvaluationResult]:
    """Evaluate a run.

    Args:
        generator: Run to evaluate.
        context: What to measure with.
        report: Called with the name of each group before it begins.
        kept: Results of finished groups, which are not measured again; new ones are added.

    Yields:
        Figures, what could not be measured, and samples, in the order of a report.
    """
    run, files = generator.name, _files_of_groups(context)
    for name, group in _groups(context).items():
        report(name)
        file = _fingerprint(files[name]) if kept and name in files else ""
        before = kept.get(run, name, file) if kept else None
        if before is not None:
            yield from before
            continue
        found: list[EvaluationResult] = []
        for one in _measured(name.split(", ")[0], name, group, generator, context):
            found.append(one)
            yield one
        if kept:
            kept.add(run, name, found, file)


def _groups(context: EvaluationContext) -> dict[str, Callable[..., Iterator[EvaluationResult]]]:
    suite = context.request.suite
    files = benchmark_files(suite) if suite else {}
    return {
        "training": _training,
        "held out": _held_out,
        **{_name(one): partial(_benchmark, path=path, benchmark=one) for path, one in files.items()},
        **({} if files else {"benchmarks": _no_benchmarks}),
        "images": _images,
        "speech": _speech,
        "text": _text,
    }


def _name(benchmark: Benchmark) -> str:
    return f"benchmarks, {benchmark.name}"


def _files_of_groups(context: EvaluationContext) -> dict[str, Path]:
    """The file that a group alone reads, by the name of the group."""
    suite = context.request.suite
    return {_name(one): path for path, one in benchmark_files(suite).items()} if suite else {}


def _fingerprint(path: Path) -> str:
    try:
        return bytes_fingerprint([path.read_bytes()])
    except OSError:  # the group says so
        return "cannot be read"


def _measured(
    group: str,
    name: str,
    measure: Callable[..., Iterator[EvaluationResult]],
    generator: "Generator",
    context: EvaluationContext,
) -> Iterator[EvaluationResult]:
    """Results of a group, and a line with the reason if it ends early."""
    which = "all figures" if group == name else name.removeprefix(f"{group}, ")
    try:
        for one in measure(generator, context):
            which = "all other figures" if group == name else which
            yield one
    except Refusal as refusal:
        # what a run was not trained on is no fault; a benchmark that was asked for and cannot be read is
        yield NotMeasured(group, which, str(refusal), fault=group == "benchmarks")
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        yield NotMeasured(group, which, f"failed with {type(error).__name__} in {where}: {error}", fault=True)


def _training(generator: "Generator", context: EvaluationContext) -> Iterator[EvaluationResult]:
    yield Exhibit("training", generator.name, curves(generator.folder, generator.name, context.datasets))


def _held_out(generator: "Generator", context: EvaluationContext) -> Iterator[EvaluationResult]:
    yield from held_out_metrics(generator, context.request.data, seed=context.request.seed)


def _no_benchmarks(generator: "Generator", context: EvaluationContext) -> Iterator[EvaluationResult]:
    yield NotMeasured("benchmarks", "all figures", "no folder of benchmarks was given: --suite DIR")


def _benchmark(
    generator: "Generator", context: EvaluationContext, path: Path, benchmark: Benchmark
) -> Iterator[EvaluationResult]:
    yield from benchmark.measure(path, benchmark_context(generator, context.request.limit, seed=context.request.seed))


def _images(generator: "Generator", context: EvaluationContext) -> Iterator[EvaluationResult]:
    held = _held(generator, Modality.IMAGE, context)
    files, lack = _files(context, held, Modality.IMAGE)
    if lack:
        yield NotMeasured("images", "PSNR and SSIM of the tokenizer, reference of the Fréchet distance", lack)
    shown = generate_pictures(generator, held, files, context.request.seed)
    if shown.originals is not None:
        yield from images.reconstruction_metrics(generator.bundle.image, shown.originals)
    if context.clip is None:
        yield NotMeasured("images", "CLIP score", "no CLIP was given: --clip DIR")
    else:
        yield from images.clip_score_metrics(shown, *context.clip)
    if context.features is None:
        yield NotMeasured("images", "Fréchet distance", "no feature extractor was given: --features FILE or --clip DIR")
    elif len(held) > 1:
        yield from images.frechet_metrics(shown, context.features)
    if len(held) > 1 and generator.bundle.image.pixels >= images.WINDOW:
        yield images.diversity_metric(shown)
    yield from of_pictures(shown)


def _speech(generator: "Generator", context: EvaluationContext) -> Iterator[EvaluationResult]:
    held = _held(generator, Modality.AUDIO, context)
    files, lack = _files(context, held, Modality.AUDIO)
    if lack:
        yield NotMeasured("speech", "error rates of real speech", lack)
    said = generate_clips(generator, held, files, context.request.seed)
    yield from speech.error_rate_metrics(said)
    yield from speech.quality_metrics(said)
    yield speech.duration_metric(said)
    yield from of_clips(said)
    try:
        written = [
            made.text or "" for made in generate_samples(generator, Task.S2T, said.restored, context.request.seed)
        ]
    except Refusal as refusal:
        yield NotMeasured("speech", "word error rate of transcripts", str(refusal))
    else:
        yield from speech.transcript_metrics(written, said)


def _text(generator: "Generator", context: EvaluationContext) -> Iterator[EvaluationResult]:
    held = _held(generator, Modality.TEXT, context)
    made = generate_samples(generator, Task.TEXT, [""] * len(held), context.request.seed, length=text.LENGTH)
    real = [one.codes[Modality.TEXT] for one in held]
    yield from text.text_metrics(*text.equally_long([text_codes(generator, one) for one in made], real), context.scorer)
    begun = [generator.bundle.text.decode(codes[: text.LENGTH]) for codes in real]
    yield from of_texts([one.text or "" for one in made], begun)


def _files(context: EvaluationContext, held: Sequence[Reference], modality: Modality) -> tuple[Files, str]:
    """The source files of documents, or the reason why they are not available."""
    try:
        files = context.originals(held, modality)
    except (Refusal, OSError) as error:
        return {}, str(error)
    lost = sum(one.document not in files for one in held)
    return files, f"{lost} of {len(held)} documents are not in the sources any more" if lost else ""


def _held(generator: "Generator", modality: Modality, context: EvaluationContext) -> list[Reference]:
    """As many held-out documents of a modality as samples are generated; raises Refusal if there are none."""
    name = modality.name.lower()
    if modality not in generator.bundle:
        raise Refusal(f"the run was trained without {name}")
    if held := references(context.datasets, context.share, modality, context.request.n):
        return held
    where = ", ".join(dataset.where for dataset in context.datasets)
    raise Refusal(f"no {name} is held out of {where} (a share of {context.share:g} of the documents)")
