"""`triptych tokenizer`: train a tokenizer on its own, and measure its round-trip quality."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line

if TYPE_CHECKING:
    from .tokenizer_inputs import Inputs

KINDS = click.Choice(["text", "image", "audio"])
BATCH = 16  # images


@click.group(epilog=example("triptych tokenizer train image photos/ --out image-tokenizer"))
def tokenizer() -> None:
    """Train a tokenizer, or measure its round-trip quality."""


def _inputs(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        click.argument("kind", type=KINDS, metavar="{text|image|audio}"),
        click.argument("paths", nargs=-1, metavar="[FILE|FOLDER]...", type=click.Path()),
        click.option("--run", "run_file", type=click.Path(), help="Use the sources and settings of this run file."),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY.PATH=VALUE",
            help="Override a key of the run file; repeatable.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@tokenizer.command(epilog=example("triptych tokenizer train image photos/ --out image-tokenizer"))
@_inputs
@click.option("--out", metavar="DIR", required=True, type=click.Path(), help="New folder for the tokenizer.")
def train(
    kind: str, paths: tuple[str, ...], run_file: str | None, overrides: tuple[str, ...], as_json: bool, out: str
) -> None:
    """Train a text, image or audio tokenizer.

    The training data are the sources of a run file (--run), or the given text,
    image or audio files and folders. Without a run file, settings are given as for
    one: --set tokenizers.text.vocab_size=4000.

    To use the tokenizer, set `path` in the `tokenizers` block of a run file.
    """
    inputs = _open(kind, run_file, paths, overrides)
    from ..pipelines.tokenize.train import TRAINING_THREADS
    from ..schemas.errors import Refusal
    from ..tokenizers import registry

    target = Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refusal(f"--out {out}: the folder already exists. Give a new folder, or remove it first.")
    target.parent.mkdir(parents=True, exist_ok=True)
    config = inputs.tokenizer
    if not config.trained_in_run:
        raise Refusal(
            f"tokenizers.{kind}.path: {config.path} is already trained. Remove `path` to train a new tokenizer."
        )
    samples = _samples(inputs)
    # the folder gets its name after its last file is written, so that an interrupted training leaves nothing behind
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
        print_line(f"{out}: a {kind} tokenizer, fingerprint {summary['fingerprint']}.{_skipped(inputs)}")
        print_line(f"To measure its quality: triptych tokenizer check {kind} --path {out} …")


@tokenizer.command(epilog=example("triptych tokenizer check image photos/ --path image-tokenizer"))
@_inputs
@click.option(
    "--path", type=click.Path(), show_default="`path` of the run file", help="Folder or file of the tokenizer."
)
@click.option(
    "--held-out",
    "count",
    metavar="N",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Number of rows to check.",
)
def check(
    kind: str,
    paths: tuple[str, ...],
    run_file: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
    path: str | None,
    count: int,
) -> None:
    """Measure the round-trip quality of a tokenizer.

    Encodes and decodes the rows that training selects last: it has not seen them
    unless it used the whole corpus.
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
        raise click.UsageError("Give either --run, or files and folders.")
    from .tokenizer_inputs import open_inputs

    return open_inputs(kind, run_file, paths, overrides)


def _samples(inputs: "Inputs") -> Any:
    from ..pipelines.tokenize.ready import CLIPS, PICTURES
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
        raise Refusal(
            f"no {inputs.modality.name.lower()} sample could be read for training.{_skipped(inputs)} Check the inputs."
        )
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
        raise Refusal(
            f"no {inputs.modality.name.lower()} sample could be read for the check.{_skipped(inputs)} Check the inputs."
        )
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
    from rich.progress import Progress

    from ..schemas.console import VisibleConsole

    with Progress(console=VisibleConsole(stderr=True), transient=True) as progress:
        task = progress.add_task(f"training ({kind})", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print(title: str, report: dict[str, Any]) -> None:
    from rich.table import Table

    from ..schemas.console import VisibleConsole

    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for key, value in report.items():
        table.add_row(key.replace("_", " "), _cell(key, value))
    VisibleConsole().print(table)


def _cell(key: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {reason}" for reason, count in sorted(value.items())) or "none"
    if isinstance(value, list):
        return " ".join(_cell(key, item) for item in value)
    if isinstance(value, float):
        share = key == "exact" or key.startswith(("word_error", "codes_used_share"))
        return f"{value:.2%}" if share else f"{value:,.3f}"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
