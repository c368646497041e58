"""`triptych scaling`: train a series of runs and fit a scaling law to them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import SEED, example
from ..schemas.visible import print_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..train.scaling.estimates import Estimate, Fit


@click.group(epilog=example("triptych scaling fit runs/ --plot law.svg"))
def scaling() -> None:
    """Train a series of runs and fit a scaling law to them."""


@scaling.command(epilog=example("triptych scaling fit runs/ --plot law.svg"))
@click.argument("runs")
@click.option(
    "--weights",
    type=click.Choice(["ema", "raw"]),
    default="ema",
    show_default=True,
    help="Weights whose validation loss is fitted: their moving average, or raw.",
)
@click.option(
    "--of",
    type=click.Choice(["all", "text", "image", "audio"]),
    default="all",
    show_default=True,
    help="Modality of the loss; all: weighted by held-out targets.",
)
@click.option(
    "--seed",
    metavar="N",
    type=SEED,
    default=0,
    show_default=True,
    help="Random seed of the bootstrap.",
)
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Write a plot as PNG or SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def fit(runs: str, weights: str, of: str, seed: int, picture: Path | None, as_json: bool) -> None:
    """Fit a scaling law to the finished runs below RUNS, a folder or URL.

    The law is L(N, D): validation loss by number of parameters N and of tokens D.
    Runs of equal cost (iso-FLOP) give the best size for a budget.
    """
    from ..train.scaling.collect import Loss, collect
    from ..train.scaling.estimates import fit as fitted
    from ..train.scaling.plot import plot

    loss = Loss(weights, of)  # type: ignore[arg-type]
    points, unfinished = collect(runs, loss)
    made = fitted(points, seed)
    if picture:
        plot(made, loss.name, picture)
    if as_json:
        click.echo(json.dumps(_facts(made) | {"loss": loss.name, "unfinished": unfinished, "seed": seed}))
    else:
        _print(made, loss.name, unfinished)


@scaling.command(epilog=example("triptych scaling sweep sweep.yaml"))
@click.argument("file", metavar="SWEEP_FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome of each run as JSON.")
def sweep(file: str, as_json: bool) -> None:
    """Train the runs of SWEEP_FILE one after another.

    Run the same command again to resume. Finished runs are skipped.
    """
    from ..schemas.config.sweep import load_sweep
    from ..train.scaling.sweep import sweep as swept

    runs = load_sweep(file)
    states = {}
    for number, (name, state, reason) in enumerate(swept(runs), start=1):
        states[name] = state
        print_line(f"{number} of {len(runs)}: {name}: {state}{f' ({reason})' if reason else ''}", err=as_json)
    if as_json:
        click.echo(json.dumps(states))
    elif "stopped" in states.values():
        print_line("Stopped and saved. Run the same command again to resume.")
    if "failed" in states.values():
        sys.exit(1)


def _facts(made: "Fit") -> dict[str, Any]:
    def figures(given: "Mapping[str, Estimate]") -> dict[str, Any]:
        return {name: estimate._asdict() for name, estimate in given.items()}

    return {
        "runs": [vars(point) for point in made.points],
        "law": figures(made.figures),
        "error": made.error,
        "tokens": [{"parameters": size.parameters, "tokens": size.tokens._asdict()} for size in made.sizes],
        "budgets": [{"flops": it.runs.cost, "runs": len(it.runs.loss), **figures(it.figures)} for it in made.budgets],
        "optimum": figures(made.optimum),
        "missing": made.missing,
    }


def _print(made: "Fit", loss: str, unfinished: list[str]) -> None:
    from rich.table import Table

    from ..schemas.console import console

    screen = console()
    screen.print(f"{len(made.points)} runs: {loss}. Intervals: 95 %, from a bootstrap over residuals.")
    if unfinished:
        screen.print(f"not finished, ignored: {', '.join(unfinished)}", style="yellow")
    law = Table(
        "figure", "value", "from", "to", title="L(N, D) = E + A / N^a + B / D^b;  D* = k · N^e", title_justify="left"
    )
    for name, estimate in made.figures.items():
        law.add_row(name, *_shown(estimate))
    screen.print(law)
    screen.print(f"root mean square of the residuals of log L: {made.error:.2%}")
    tokens = Table("N", "D*", "from", "to", title="Optimal number of tokens by model size", title_justify="left")
    for size in made.sizes:
        tokens.add_row(f"{size.parameters:,}", *_shown(size.tokens))
    screen.print(tokens)
    table = Table(
        "FLOPs", "runs", "N*", "D*", "L*", title="Compute budgets: minima of their curves", title_justify="left"
    )
    for it in made.budgets:
        found = (
            [_between(it.figures[name]) for name in ("parameters", "tokens", "loss")] if it.figures else ["none"] * 3
        )
        table.add_row(f"{it.runs.cost:.3g}", str(len(it.runs.loss)), *found)
    screen.print(table)
    for name, estimate in made.optimum.items():
        screen.print(f"over budgets, {name} = {_between(estimate)}")
    if made.missing:
        screen.print(f"no D* = k · N^e over budgets: {made.missing}")


def _shown(estimate: "Estimate") -> list[str]:
    return [f"{value:.4g}" for value in estimate]


def _between(estimate: "Estimate") -> str:
    value, low, high = _shown(estimate)
    return f"{value} ({low} – {high})"
