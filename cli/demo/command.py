"""`triptych demo`: from nothing to a model that writes, draws and speaks, and a page that says how well."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...schemas.dataset.reader import Dataset
    from ...train.evaluate.report.report import Report

SAMPLES = 4  # of each task, for held-out captions and texts

NEXT = """
Open {out}/report/report.html: what the model made beside what it was asked for.
It is tiny ({parameters:,} parameters, {tokens:,} tokens, minutes on a CPU): it knows the glyphs and words it has seen,
and its texts are noise. What to try next, from {out}/:
  triptych sample run --task t2i --prompt "latin capital letter w" --out samples
  triptych sample run --task t2s --prompt "green garden" --out samples
  triptych sample run --task text --prompt "Return the <gap:4> of the list." --out samples
  triptych stats dataset                          rows, fill, tokens, codebooks, ledger
  triptych show dataset --row 0 --out shown       any row as text, pictures and sound
  triptych train train.yaml --set out=longer --set steps=5000
Then write run and train files of your own: docs/reference/ has every key.
"""


@click.command()
@click.option("--out", default="demo", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def demo(out: Path) -> None:
    """The whole way with no download: three small corpora, a dataset, a model, samples, and a page about them."""
    from ...schemas.config.load_training import load_training
    from ...schemas.errors import Refusal
    from ...train.run import train
    from .corpus import make_corpus

    if not (out / "train.yaml").exists():
        click.echo(f"Making three small corpora in {out}: docstrings, glyphs, speech …")
        make_corpus(out)
    # paths in the files start from their own folder, where a user would go on
    with contextlib.chdir(out):
        _prepare()
        config = load_training("train.yaml")
        click.echo("Training a small model on it, which takes most of the time …")
        if not train(config):
            raise Refusal("Stopped, and saved. Run the same command again to go on.", exit_code=1)
        click.echo("Evaluating it: held-out documents, twenty glyphs by name, twenty words …")
        report = _evaluate(Path(config.out), config.seed)
    tokens = config.steps * config.data.batch_tokens
    click.echo(NEXT.format(out=out, parameters=report.facts["model"]["parameters"], tokens=tokens))
    if sys.stdout.isatty():
        click.launch(str(out / "report" / "report.html"))


def _prepare() -> None:
    from ...pipelines.inspection.verify import verify
    from ...pipelines.prepare import prepare
    from ...schemas.config.load import load_run
    from ...schemas.errors import Refusal
    from ..progress import TerminalJournal, print_summary

    config = load_run("run.yaml")
    print_summary(prepare(config, TerminalJournal()), config.out)
    dataset, findings = verify(config.out)
    if findings:
        raise Refusal(f"{findings[0].file}: {findings[0].problem}. This is a bug; please report it.", exit_code=1)
    click.echo(f"Verified: {dataset.rows} rows are what the manifest says.")
    _show_one_of_each(dataset, Path("shown"))


def _evaluate(run: Path, seed: int) -> Report:
    """Measure the run as `triptych evaluate` does, and by what is asked of a demo; write and print the report."""
    from ...train.evaluate.context import open_context, open_generator, report_facts
    from ...train.evaluate.evaluate import EvaluationRequest, evaluate
    from ...train.evaluate.report.report import report_of
    from ..evaluate import originals_of, print_report, write_report
    from .judge import judged

    generator = open_generator(run)
    context = open_context(generator, None, EvaluationRequest(SAMPLES, seed), originals_of)
    facts = report_facts("triptych demo", generator, None, context)
    report = report_of(facts, [*judged(generator, seed), *evaluate(generator, context)])
    write_report(report, Path("report"))
    print_report(report)
    return report


def _show_one_of_each(dataset: Dataset, out: Path) -> None:
    """Decode the first row of every group into `out`."""
    from ...pipelines.inspection.show import show_row
    from ..show import write_files

    first = 0
    for shard in dataset.manifest.shards:
        names = [
            f"{shown.segment['source']} ({' '.join((shown.text or '').split())[:40]}): {name}"
            for shown in show_row(dataset, first)
            for name in write_files(out, f"row-{first:06d}-{shown.number:03d}", shown.files)
        ]
        click.echo(f"Row {first}, {shard.group}: {len(names)} files in {out}, such as {names[-1]}")
        first += shard.rows
