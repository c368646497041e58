"""`triptych demo`: run the whole workflow on generated data, without a download."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...schemas.command_line import example
from ...schemas.visible import print_line, visible

if TYPE_CHECKING:
    from ...schemas.dataset.reader import Dataset
    from ...train.evaluate.report.report import Report

SAMPLES = 4  # per task, for held-out captions and texts

NEXT = """
Open {out}/report/report.html: it shows the generated samples beside their prompts.
The model is tiny ({parameters:,} parameters, {tokens:,} tokens): expect the glyphs and words of its training data, and
noise as text. Commands to try next, from the folder {out}/:
  triptych sample run --task t2i --prompt "latin capital letter w" --out samples/t2i
  triptych sample run --task t2s --prompt "green garden" --out samples/t2s
  triptych sample run --task text --prompt "Return the <gap:4> of the list." --out samples/text
  triptych stats dataset
  triptych show dataset --row 0 --out shown
  triptych train train.yaml --set out=longer --set steps=5000
Then write your own run file and train file: docs/reference/ lists every key.
"""


@click.command(epilog=example("triptych demo --out demo"))
@click.option(
    "--out",
    metavar="DIR",
    default="demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the demo.",
)
def demo(out: Path) -> None:
    """Run the whole workflow on generated data, without a download.

    Generates three small corpora (documentation strings, glyphs and synthesized
    speech), prepares a dataset, trains a small model, generates samples and writes
    a report. It takes about ten minutes on two cores, and resumes if it is
    interrupted.
    """
    from ...schemas.config.load_training import load_training
    from ...schemas.errors import Refusal
    from ...train.run import train
    from .corpus import make_corpus

    if not (out / "train.yaml").exists():
        print_line(f"Generating three small corpora in {out}: documentation strings, glyphs, speech …")
        make_corpus(out)
    # paths in the run file and the train file are relative to their folder
    with contextlib.chdir(out):
        _prepare()
        config = load_training("train.yaml")
        print_line("Training a small model, which takes most of the time …")
        if not train(config):
            raise Refusal("Stopped and saved. Run the same command again to resume.", exit_code=1)
        print_line("Evaluating the model: held-out documents, twenty glyphs by name, twenty words …")
        report = _evaluate(Path(config.out), config.seed)
    tokens = config.steps * config.data.batch_tokens
    print_line(
        NEXT.format(out=visible(str(out)), parameters=report.facts["model"]["parameters"], tokens=tokens), lines=True
    )
    if sys.stdout.isatty():
        click.launch(str(out / "report" / "report.html"))


def _prepare() -> None:
    from ...pipelines.inspection.verify import verify
    from ...schemas.config.load import load_run
    from ...schemas.errors import Refusal
    from ..progress import prepare_in_terminal, print_summary

    config = load_run("run.yaml")
    print_summary(prepare_in_terminal(config), config.out)
    dataset, findings = verify(config.out)
    if findings:
        raise Refusal(f"{findings[0].file}: {findings[0].problem}. This is a bug; please report it.", exit_code=1)
    print_line(f"Verified: {dataset.rows} rows match the manifest.")
    _show_one_of_each(dataset, Path("shown"))


def _evaluate(run: Path, seed: int) -> Report:
    """Evaluate the run, count the recognized glyphs and words, and write and print the report."""
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
        print_line(f"Row {first}, {shard.group}: {len(names)} files in {out}, such as {names[-1]}")
        first += shard.rows
