"""`triptych mix`: summarize a mix of datasets before training."""

import json
from typing import Any

import click

from ..schemas.command_line import example


@click.group(epilog=example("triptych mix plan train.yaml"))
def mix() -> None:
    """Summarize a mix of datasets before training."""


@mix.command(epilog=example("triptych mix plan train.yaml --steps 1000"))
@click.argument("file", metavar="FILE")
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(min=1),
    show_default="of the train file, or as long as the mix lasts",
    help="Steps to plan for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def plan(file: str, steps: int | None, as_json: bool) -> None:
    """Print rows, tokens, epochs and shares of the mix in FILE.

    FILE is a mix file or a train file. Only manifests are read.
    """
    from ..schemas.config.load_training import load_mix
    from ..schemas.config.training import TrainConfig
    from ..train.data.plan import make_plan, plan_of
    from ..train.data.plan_summary import summarize_plan

    given = load_mix(file)
    if isinstance(given, TrainConfig):
        made = plan_of(given if steps is None else given.model_copy(update={"steps": steps}))
    else:
        made = make_plan(given, seed=given.seed, steps=steps)
    facts = summarize_plan(made)
    if as_json:
        click.echo(json.dumps(facts))
        return
    from ..schemas.console import console, text

    screen = console()
    screen.print(
        text(f"{facts['steps']:,} steps", "bold"),
        f"of {facts['rows_a_step']:,} rows of {facts['row_length']:,}: "
        f"{facts['rows']:,} rows, {facts['tokens']:,} tokens, {facts['tokens'] / facts['places']:.2%} full",
    )
    screen.print(_table(facts))
    codes = sum(facts["codes"].values())
    screen.print("codes: " + ", ".join(f"{name} {n:,} ({n / codes:.2%})" for name, n in facts["codes"].items()))
    if facts["validation"]:
        screen.print(f"about {facts['validation']:.2%} of the tokens of every line are held out for validation")
    for line in facts["warnings"]:
        screen.print(f"warning: {line}", style="yellow")
    screen.print(f"fingerprint {facts['fingerprint']}")


def _table(facts: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title="Mix", title_justify="left")
    for name in ("dataset", "group"):
        table.add_column(name)
    for name in ("weight", "of tokens", "of rows", "rows held", "rows used", "tokens", "epochs"):
        table.add_column(name, justify="right")
    for line in facts["streams"]:
        shares = [f"{line[key]:.2%}" for key in ("wanted", "share", "share_of_rows")]
        counts = [f"{line[key]:,}" for key in ("held_rows", "rows", "tokens")]
        table.add_row(line["path"], line["group"], *shares, *counts, f"{line['epochs']:.3f}")
    return table
