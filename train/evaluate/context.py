"""Set up an evaluation: open what was requested, and collect the facts that a report states."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ...model.network.export import WEIGHTS
from ...model.sampling.defaults import DEFAULTS
from ...schemas.errors import Mismatch
from ...schemas.identity import file_fingerprint
from ..generate.generator import Generator
from ..generate.open_model import folders_of
from ..run_record import RunRecord
from ..trained_data import open_trained_data
from ..unseen import require_unseen
from .evaluate import EvaluationContext, EvaluationRequest, Originals
from .likelihood.benchmarks import benchmark_files
from .likelihood.causal_scorer import CausalScorer
from .samples.image_features import of_clip, of_file

ARCHITECTURE = "ViT-B-32"  # of a folder that holds only weights


def open_generator(run: str | Path) -> Generator:
    """Open a run on the GPU if there is one; raises Refusal if it has no finished model."""
    return Generator.open(run, "cuda" if torch.cuda.is_available() else "cpu")


def open_context(
    generator: Generator, control: Generator | None, request: EvaluationRequest, originals: Originals
) -> EvaluationContext:
    """Open everything that an evaluation needs.

    Args:
        generator: Run to evaluate.
        control: Another run whose figures are reported beside; if it is autoregressive, it also scores generated text.
        request: What the user asked for.
        originals: Finds the source files of documents.

    Raises:
        Refusal: If something is missing.
        Mismatch: If datasets, run and control do not have the same vocabulary, or were not trained on the same data.
    """
    if request.suite is not None:
        benchmark_files(request.suite)
    record = RunRecord.read(generator.folder)
    datasets = open_trained_data(record, generator.folder, request.data)
    for dataset in datasets:
        generator.vocabulary.require(dataset.manifest.vocabulary, generator.name, dataset.url)
    if control is not None:
        generator.vocabulary.require(control.vocabulary, generator.name, control.name)
        _require_same_data(generator, control)
    extractor = of_file(request.features) if request.features else None
    tower = None
    if request.clip:
        from ...tokenizers.image.clip_model import load_clip

        model = load_clip(ARCHITECTURE, request.clip, torch.get_num_threads())
        tower = model, f"CLIP {Path(request.clip).name} ({model.fingerprint[:8]})"
        extractor = extractor or of_clip(*tower)
    scorer = CausalScorer(control.exported, control.name) if control is not None and control.causal else None
    share = record.training.data.validation
    if not request.allow_overlap:
        require_unseen(datasets, record, "`--allow-overlap`")
    return EvaluationContext(request, datasets, share, originals, tower, extractor, scorer)


def _require_same_data(generator: Generator, control: Generator) -> None:
    """Raise Mismatch unless both were trained on, and held out, the same documents.

    Otherwise the control may have been trained on the held-out documents of the run.
    """
    mine, theirs = _trained_on(generator.folder), _trained_on(control.folder)
    if mine != theirs:
        sides = (generator.name, mine), (control.name, theirs)
        raise Mismatch.between("what was trained on", *sides, "Train the control on the same data.")


def _trained_on(run: Path) -> str:
    record = RunRecord.read(run)
    prints = " ".join(one.fingerprint for one in record.trained_on)
    return f"{prints}, of which {record.training.data.validation:g} are held out"


def report_facts(
    command: str, generator: Generator, control: Generator | None, context: EvaluationContext
) -> dict[str, Any]:
    """Everything that is needed to repeat a report, JSON-ready."""
    return {
        "command": command,
        "triptych": version("triptych"),
        "run": generator.name,
        "model": _model(generator),
        "control": None if control is None else {"run": control.name, **_model(control)},
        "data": [
            {"path": dataset.where, "fingerprint": dataset.manifest.fingerprint, "share held out": context.share}
            for dataset in context.datasets
        ],
        "n": context.request.n,
        "seed": context.request.seed,
        "sampling": [{"task": task, **config.model_dump(exclude_unset=True)} for task, config in DEFAULTS.items()],
    }


def resume_facts(facts: dict[str, Any], context: EvaluationContext, sources: str | None) -> dict[str, Any]:
    """What all figures of a report depend on, JSON-ready: with these facts it goes on where it stopped."""
    request = context.request
    files = [name for name in (request.features, sources) if name]
    return {name: value for name, value in facts.items() if name != "command"} | {
        "request": {name: value and str(value) for name, value in asdict(request).items()},
        "clip": context.clip and context.clip[1],
        "files": {name: file_fingerprint(name) for name in files},
    }


def _model(generator: Generator) -> dict[str, Any]:
    config = RunRecord.read(generator.folder).training
    return {
        "objective": generator.exported.objective,
        "parameters": sum(parameter.numel() for parameter in generator.model.parameters()),
        "tokens": config.steps * config.data.batch_tokens,
        WEIGHTS: f"xxh3-128 {file_fingerprint(str(folders_of(generator.folder)[1] / WEIGHTS))}",
    }
