"""`triptych evaluate`: evaluate a run on held-out documents and on samples, and write a report."""

import json
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..schemas.command_line import SEED, example
from ..schemas.visible import print_line

if TYPE_CHECKING:
    from ..schemas.config.run import RunConfig
    from ..schemas.vocabulary import Modality
    from ..train.evaluate.kept_groups import EvaluationResult
    from ..train.evaluate.report.report import Report
    from ..train.evaluate.samples.references import Reference
    from ..train.generate.generator import Generator


@click.command(epilog=example("triptych evaluate runs/first --out report"))
@click.argument("run")
@click.option(
    "--data", metavar="DATASET", show_default="the training data of RUN", help="Dataset with the held-out documents."
)
@click.option(
    "--sources",
    metavar="RUN.yaml",
    show_default="as the dataset recorded them",
    help="Run file that names the sources of the data.",
)
@click.option("--suite", metavar="DIR", type=click.Path(path_type=Path), help="Folder with text benchmarks.")
@click.option("--limit", metavar="N", type=click.IntRange(1), show_default="all", help="Maximum items per benchmark.")
@click.option(
    "--control",
    metavar="RUN",
    help="Run to compare with; an autoregressive one also judges generated texts.",
)
@click.option("--n", metavar="N", type=click.IntRange(2), default=16, show_default=True, help="Samples per task.")
@click.option(
    "--seed",
    metavar="N",
    type=SEED,
    default=0,
    show_default=True,
    help="Random seed of the samples.",
)
@click.option("--allow-overlap", is_flag=True, help="Go on although held-out documents of the data were trained on.")
@click.option("--clip", metavar="DIR", help="CLIP model in the format of open_clip, for the CLIP score.")
@click.option(
    "--features",
    metavar="FILE",
    show_default="image encoder of --clip",
    help="TorchScript module from images to feature vectors, for the Fréchet distance.",
)
@click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Write the report to this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def evaluate(
    run: str,
    data: str | None,
    sources: str | None,
    suite: Path | None,
    limit: int | None,
    control: str | None,
    n: int,
    seed: int,
    allow_overlap: bool,
    clip: str | None,
    features: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Evaluate RUN, a folder or URL, on held-out documents and on generated samples.

    The report compares each figure with a reference, such as real data or the round
    trip of the tokenizer, and with the run of --control. The folder of --out
    receives report.json, report.html (self-contained) and images.png, after each
    group of figures. A group that fails is a line of the report, and the exit code
    is 1; with --out, the same command then measures only what is missing.
    """
    from ..schemas.config.load import load_run
    from ..schemas.console import console, spinner, text
    from ..train.evaluate.context import open_context, open_generator, report_facts, resume_facts
    from ..train.evaluate.evaluate import EvaluationRequest
    from ..train.evaluate.evaluate import evaluate as run_evaluation
    from ..train.evaluate.kept_groups import KeptGroups
    from ..train.evaluate.report.report import Report, faults, report_of

    named = load_run(sources) if sources else None
    generator, other = open_generator(run), open_generator(control) if control else None
    context = open_context(
        generator,
        other,
        EvaluationRequest(n, seed, data, allow_overlap, suite, limit, clip, features),
        partial(originals_of, run=named),
    )
    facts = report_facts(shlex.join(["triptych", *sys.argv[1:]]), generator, other, context)
    kept = KeptGroups(out, resume_facts(facts, context, sources)) if out else None
    screen = console(stderr=True)
    mine: list[EvaluationResult] = []
    theirs: list[EvaluationResult] = []

    def so_far() -> Report:
        return report_of(facts, mine, theirs)

    try:
        with screen.status("", spinner=spinner(screen)) as status:
            for of, results in ((generator, mine), (other, theirs)):

                def begin(group: str, of: "Generator | None" = of) -> None:
                    status.update(text(f"{of and of.name}: {group}"))
                    if not screen.is_terminal:
                        print_line(f"evaluating {of and of.name}: {group}", err=True)
                    if out:
                        write_report(so_far(), out)

                for one in run_evaluation(of, context, begin, kept) if of else ():
                    results.append(one)
    except KeyboardInterrupt:
        _show(so_far(), out, as_json)
        raise
    _show(so_far(), out, as_json)
    if failed := faults(so_far()):
        again = " The same command measures these groups again." if kept else ""
        print_line(f"{len(failed)} of the groups failed, see above.{again}", err=True)
        sys.exit(1)
    if kept:
        kept.remove()


def _show(report: "Report", out: Path | None, as_json: bool) -> None:
    from ..train.evaluate.report.report import to_json

    if out:
        write_report(report, out)
    if as_json:
        click.echo(json.dumps(to_json(report), allow_nan=False))
        return
    print_report(report)
    if out:
        print_line(f"Report with the generated samples: {out}/report.html")


def originals_of(
    held: "Sequence[Reference]", modality: "Modality", run: "RunConfig | None" = None
) -> dict[bytes, bytes]:
    """Original files of held-out documents by document id, as far as the sources (of `run`) still have them."""
    from ..pipelines.inspection.originals import originals

    files: dict[bytes, bytes] = {}
    for dataset in {one.dataset.url: one.dataset for one in held}.values():
        mine = [one for one in held if one.dataset is dataset]
        where = {one.document: (one.source, one.file, one.row) for one in mine}
        files |= originals(dataset, where, modality.name.lower(), run)
    return files


def write_report(report: "Report", out: Path) -> None:
    """Write report.json, report.html and images.png into `out`."""
    from ..train.evaluate.report.exhibits import grid_png
    from ..train.evaluate.report.report import to_json
    from .evaluate_page import page

    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(to_json(report), indent=1, allow_nan=False), encoding="utf-8")
    (out / "report.html").write_text(page(report), "utf-8", "backslashreplace")
    if (grid := grid_png(report.exhibits)) is not None:
        (out / "images.png").write_bytes(grid)


def print_report(report: "Report") -> None:
    """Print the report as a table."""
    from rich.table import Table

    from ..schemas.console import console
    from ..train.evaluate.report.report import HEADINGS, cells, verdicts

    screen = console()
    facts = report.facts
    table = Table(title=f"{facts['run']}, {facts['n']} samples per task, seed {facts['seed']}", title_justify="left")
    for at, name in enumerate(HEADINGS):
        table.add_column(name, justify="left" if at < 2 else "right")
    before = None
    for line in report.lines:
        group, *rest = cells(line)
        table.add_row(group if group != before else "", *rest)
        before = group
    screen.print(table)
    for verdict in verdicts(report):
        screen.print(verdict, soft_wrap=True)
    for lack in report.missing:
        what = "FAILED" if lack.fault else "not measured"
        screen.print(f"{what}: {lack.group}, {lack.name}: {lack.why}")
    model, data = facts["model"]["model.safetensors"], ", ".join(one["fingerprint"] for one in facts["data"])
    screen.print(f"model {model}; data {data}")
