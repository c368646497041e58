"""`triptych tokenizer`: train a tokenizer outside a run, and see what a round trip through one keeps."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .tokenizer_inputs import Inputs

KINDS = click.Choice(["text", "image", "audio"])
BATCH = 16  # pictures


@click.group()
def tokenizer() -> None:
    """Train a tokenizer, or check one by a round trip."""


def _inputs(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        click.argument("kind", type=KINDS),
        click.argument("paths", nargs=-1, metavar="[FILE|FOLDER]...", type=click.Path()),
        click.option("--run", "run_file", type=click.Path(), help="Take the sources and settings of a run file."),
        click.option("--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a run-file key."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@tokenizer.command()
@_inputs
@click.option("--out", required=True, type=click.Path(), help="A new folder for the tokenizer.")
def train(
    kind: str, paths: tuple[str, ...], run_file: str | None, overrides: tuple[str, ...], as_json: bool, out: str
) -> None:
    """Train the tokenizer of KIND on a run file's sources, or on files.

    Plain files are .txt files, pictures or clips; of a folder, all that are in it.

    Without a run file `--set tokenizers.text.vocab_size=4000` and the like still set what a run file would.
    The result is a `path` for the run files to come.
    """
    inputs = _open(kind, run_file, paths, overrides)
    from ..pipelines.tokenize.train import TRAINING_THREADS
    from ..schemas.errors import Refusal
    from ..tokenizers import registry

    target = Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refusal(f"--out {out}: is there already. Give a new folder, or remove it first.")
    target.parent.mkdir(parents=True, exist_ok=True)
    config = inputs.tokenizer
    if not config.trained_in_run:
        raise Refusal(f"tokenizers.{kind}.path: {config.path} is trained already. Remove `path` to train one.")
    samples = _samples(inputs)
    # whole or not at all: a folder appears under its name when its last file is written
    with tempfile.TemporaryDirectory(prefix=".triptych-", dir=target.parent) as scratch, _progress(kind) as report:
        made = Path(scratch) / "tokenizer"
        registry.train(config, samples, made, seed=inputs.settings.seed, threads=TRAINING_THREADS, report=report)
        if target.exists():
            target.rmdir()
        made.rename(target)
    summary = {"path": out, "fingerprint": registry.load(config, out).fingerprint, "skipped": dict(inputs.skipped)}
    if as_json:
        click.echo(json.dumps(summary))
    else:
        click.echo(f"{out}: a {kind} tokenizer, fingerprint {summary['fingerprint']}.{_skipped(inputs)}")
        click.echo(f"See what it keeps: triptych tokenizer check {kind} --path {out} …")


@tokenizer.command()
@_inputs
@click.option("--path", type=click.Path(), help="The tokenizer's folder or file; default the run file's `path`.")
@click.option("--held-out", "count", type=click.IntRange(1), default=64, show_default=True, help="Rows to check with.")
def check(
    kind: str,
    paths: tuple[str, ...],
    run_file: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
    path: str | None,
    count: int,
) -> None:
    """Report what a round trip through a tokenizer keeps.

    The rows are those that training takes last: unseen, unless the corpus was small enough to be trained on whole.
    """
    inputs = _open(kind, run_file, paths, overrides)
    from ..tokenizers import registry

    loaded = registry.load(inputs.tokenizer, path)
    report = {"fingerprint": loaded.fingerprint, **_report(loaded, inputs, count), "skipped": dict(inputs.skipped)}
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print(f"{kind} tokenizer {path or inputs.tokenizer.path}", report)


def _open(kind: str, run_file: str | None, paths: tuple[str, ...], overrides: tuple[str, ...]) -> "Inputs":
    if (run_file is None) == (not paths):
        raise click.UsageError("give either --run or files and folders.")
    from .tokenizer_inputs import open_inputs

    return open_inputs(kind, run_file, paths, overrides)


def _samples(inputs: "Inputs") -> Any:
    from ..pipelines.tokenize.train import CLIPS, PICTURES
    from ..schemas.errors import Refusal
    from ..schemas.vocabulary import Modality

    if inputs.modality is Modality.TEXT:
        return inputs.all_texts()
    samples: Any
    if inputs.modality is Modality.IMAGE:
        samples = inputs.pictures(inputs.first(PICTURES), inputs.tokenizer.size)
    else:
        samples = [wave for wave, _ in inputs.clips(inputs.first(CLIPS), inputs.tokenizer.sample_rate)]
    if not len(samples):
        raise Refusal(f"no {inputs.modality.name.lower()} can be read to train on.{_skipped(inputs)} Check the inputs.")
    return samples


def _report(loaded: Any, inputs: "Inputs", count: int) -> dict[str, Any]:
    from ..schemas.errors import Refusal
    from ..schemas.vocabulary import Modality

    rows = inputs.last(count)
    samples: Any
    report: Callable[[Any, Any], dict[str, Any]]
    if inputs.modality is Modality.TEXT:
        samples, report = inputs.texts(rows), _text_report
    elif inputs.modality is Modality.IMAGE:
        samples, report = inputs.pictures(rows, loaded.pixels), _image_report
    else:
        samples, report = inputs.clips(rows, loaded.sample_rate), _audio_report
    if not len(samples):
        raise Refusal(f"no {inputs.modality.name.lower()} can be read to check with.{_skipped(inputs)} Give others.")
    return report(loaded, samples)


def _text_report(loaded: Any, texts: Any) -> dict[str, Any]:
    from ..tokenizers.text.report import text_report

    return text_report(loaded, texts)


def _image_report(loaded: Any, pictures: Any) -> dict[str, Any]:
    from ..tokenizers.image.report import image_report

    return image_report(loaded, (pictures[i : i + BATCH] for i in range(0, len(pictures), BATCH)))


def _audio_report(loaded: Any, clips: Any) -> dict[str, Any]:
    from ..tokenizers.audio.report import audio_report

    return {**audio_report(loaded, [wave for wave, _ in clips]), **_word_errors(loaded, clips)}


def _word_errors(loaded: Any, clips: list[Any]) -> dict[str, float]:
    from ..tokenizers.audio import recogniser

    spoken = [(wave, text) for wave, text in clips if text.strip()]
    if not spoken or not recogniser.available():
        return {}
    import torch
    from torchaudio.functional import resample

    def heard(waves: list[Any]) -> float:
        rates = (loaded.sample_rate, recogniser.RECOGNISER_RATE)
        return recogniser.word_error_rate([resample(torch.from_numpy(wave), *rates).numpy() for wave in waves], texts)

    waves, texts = [wave for wave, _ in spoken], [text for _, text in spoken]
    restored = [loaded.decode(codes) for codes in loaded.encode(waves)]
    return {"word_error_rate": heard(restored), "word_error_rate_of_original": heard(waves)}


def _skipped(inputs: "Inputs") -> str:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(inputs.skipped.items()))
    return f" Skipped: {reasons}." if reasons else ""


@contextmanager
def _progress(kind: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"training ({kind})", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print(title: str, report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for key, value in report.items():
        table.add_row(key.replace("_", " "), _cell(key, value))
    Console().print(table)


def _cell(key: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {reason}" for reason, count in sorted(value.items())) or "none"
    if isinstance(value, list):
        return " ".join(_cell(key, item) for item in value)
    if isinstance(value, float):
        share = key == "exact" or key.startswith(("word_error", "codes_used_share"))
        return f"{value:.2%}" if share else f"{value:,.3f}"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
