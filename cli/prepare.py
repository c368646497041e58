"""`triptych prepare`: a run file in, a dataset out."""

import json
from typing import Any

import click


@click.command()
@click.argument("run_file", type=click.Path())
@click.option("--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a key of the run file.")
@click.option(
    "--engine", "kind", type=click.Choice(["serial", "dask", "beam"]), help="Instead of the run file's engine."
)
@click.option("--workers", type=click.IntRange(1), help="Worker processes of Dask or Beam on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def prepare(run_file: str, overrides: tuple[str, ...], kind: str | None, workers: int | None, as_json: bool) -> None:
    """Turn corpora into packed Arrow shards, as RUN_FILE says. Run it again to resume."""
    from ..pipelines.prepare import prepare as run
    from ..schemas.config.load import load_run
    from .progress import TerminalJournal, print_summary, summary

    config = load_run(run_file, overrides, _engine(kind, workers))
    journal = TerminalJournal(quiet=as_json)
    manifest = run(config, journal)
    if as_json:
        click.echo(json.dumps(summary(manifest, config.out)))
    else:
        print_summary(manifest, config.out)


def _engine(kind: str | None, workers: int | None) -> dict[str, Any] | None:
    if kind == "serial" and workers:
        raise click.UsageError("--workers has no use with --engine serial.")
    return {key: value for key, value in (("kind", kind), ("workers", workers)) if value} or None
