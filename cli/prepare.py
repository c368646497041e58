"""`triptych prepare`: prepare a dataset from a run file."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import example

if TYPE_CHECKING:
    from ..schemas.config.run import RunConfig


@click.command(epilog=example("triptych prepare run.yaml --workers 4"))
@click.argument("run_file", type=click.Path())
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a key of the run file; repeatable."
)
@click.option(
    "--engine",
    "kind",
    type=click.Choice(["serial", "dask", "beam"]),
    show_default="as in the run file",
    help="Engine that runs the stages.",
)
@click.option(
    "--workers", metavar="N", type=click.IntRange(1), help="Worker processes of Dask or Beam on this machine."
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    help="End when no worker of a running Dask scheduler is connected for so long; by default never.",
)
@click.option("--limit", metavar="N", type=click.IntRange(1), help="Read only the first N rows of every source.")
@click.option("--recheck", is_flag=True, help="Read all inputs and shards again, also files that look unchanged.")
@click.option("--check", is_flag=True, help="Only look at the first rows of every source; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def prepare(
    run_file: str,
    overrides: tuple[str, ...],
    kind: str | None,
    workers: int | None,
    wait: float | None,
    limit: int | None,
    recheck: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Prepare a dataset of packed Arrow shards as described by RUN_FILE.

    Run the same command again to resume, or after a change: only the steps that
    depend on the change are repeated. --check estimates rows, tokens, disk and time
    first; its exit code is 1 if nothing of a source's first rows would be kept.
    """
    from ..schemas.config.load import load_run
    from .progress import prepare_in_terminal, print_summary, summary

    if wait is not None:
        overrides += (f"engine.wait={wait:g}",)
    config = load_run(run_file, overrides, _engine(kind, workers), limit)
    if check:
        _check(config, as_json)
        return
    manifest = prepare_in_terminal(config, quiet=as_json, recheck=recheck)
    if as_json:
        click.echo(json.dumps(summary(manifest, config.out)))
    else:
        print_summary(manifest, config.out)


def _check(config: "RunConfig", as_json: bool) -> None:
    from ..pipelines.preview.preview import preview
    from .preview import print_preview

    facts = preview(config)
    if as_json:
        click.echo(json.dumps(facts))
    else:
        print_preview(facts)
    if facts["empty"]:
        sys.exit(1)


def _engine(kind: str | None, workers: int | None) -> dict[str, Any] | None:
    if kind == "serial" and workers:
        raise click.UsageError("--workers has no effect with --engine serial. Remove one of them.")
    return {key: value for key, value in (("kind", kind), ("workers", workers)) if value} or None
