"""`triptych sample audit`: how far the samples of each unmask rule are from a source that is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import SEED, example

if TYPE_CHECKING:
    from rich.table import Table

    from ..train.evaluate.samples.sampler_audit import AuditResult

SOURCES = ["chain", "sum", "clip"]


@click.command(epilog=example("triptych sample audit --source clip --rule confidence"))
@click.option(
    "--source",
    "names",
    multiple=True,
    type=click.Choice(SOURCES),
    show_default="all",
    help="Known source: a Markov chain, digits with their sums, or a clip; repeatable.",
)
@click.option("--rule", "rules", multiple=True, metavar="RULE", show_default="all", help="Unmask rule; repeatable.")
@click.option(
    "--temperature", metavar="T", default=1.0, show_default=True, type=click.FloatRange(0), help="Sampling temperature."
)
@click.option(
    "--n", metavar="N", default=2000, show_default=True, type=click.IntRange(1, 1_000_000), help="Samples per line."
)
@click.option("--seed", metavar="N", type=SEED, default=0, show_default=True, help="Random seed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def audit(names: tuple[str, ...], rules: tuple[str, ...], temperature: float, n: int, seed: int, as_json: bool) -> None:
    """Sample known sources by their exact predictors, one table for each rule.

    No run is needed: what is lost is the work of the sampler alone. Each line has
    the share of samples that the source can give, their bits per token beside the
    entropy of the source, and the total variation distance from the source beside
    that of as many independent draws (the floor).
    """
    from ..schemas.console import console
    from ..train.evaluate.samples.known_source import SOURCES as SOURCE_OF
    from ..train.evaluate.samples.sampler_audit import audit as audited
    from ..train.evaluate.samples.sampler_audit import audit_configs

    extra: dict[str, Any] = {} if temperature == 1 else {"temperature": temperature}
    _require_known(rules)
    lines = []
    for name in names or SOURCES:
        source = SOURCE_OF[name]()
        for configs in audit_configs(source, extra):
            if rules and configs[0].rule not in rules:
                continue
            results = list(audited(source, configs, n, seed))
            lines += [{"source": name, **_line(one)} for one in results]
            if not as_json:
                console().print(_table(f"{source.name}, {source.entropy:.3f} bits per token", results))
    if as_json:
        click.echo(json.dumps(lines, allow_nan=False))


def _require_known(rules: tuple[str, ...]) -> None:
    from ..schemas.errors import Refusal
    from ..train.evaluate.samples.sampler_audit import RULES

    known = list(dict.fromkeys(str(one["rule"]) for one in RULES))
    if wrong := [rule for rule in rules if rule not in known]:
        raise Refusal(f"`--rule {wrong[0]}`: there is no such rule to audit. Give one of {', '.join(known)}.")


def _line(one: AuditResult) -> dict[str, Any]:
    return one._asdict() | {"settings": one.settings.model_dump(mode="json", exclude_unset=True)}


def _table(title: str, results: list[AuditResult]) -> Table:
    from rich.table import Table

    first, second = (one.settings.model_dump(mode="json", exclude_unset=True) for one in (*results, results[0])[:2])
    falling = next((key for key in first if first[key] != second[key]), "steps")
    label = ", ".join(f"{key} {value}".removeprefix("rule ") for key, value in first.items() if key != falling)
    table = Table(title=f"{label}: {title}", title_justify="left")
    for name in (falling, "calls", "possible, %", "bits per token", "total variation", "x floor"):
        table.add_column(name, justify="right")
    for one in results:
        bits = "" if one.bits is None else f"{one.bits:.3f}"
        value = one.settings.model_dump(mode="json")[falling]
        figures = f"{one.variation:.4f}", f"{one.variation / one.floor:.2f}"
        table.add_row(f"{value:g}", f"{one.calls}", f"{100 * one.possible:.1f}", bits, *figures)
    return table
