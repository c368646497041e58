"""`triptych takedown`: documents out of a finished dataset."""

import dataclasses
import json
import sys
from typing import Any, TextIO

import click


@click.command()
@click.argument("dataset")
@click.option("--ids", type=click.File(encoding="utf-8"), required=True, help="Document ids, one a line; - for stdin.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def takedown(dataset: str, ids: TextIO, as_json: bool) -> None:
    """Remove documents from DATASET, rewriting only the shards that hold them. Exit code 1 when an id is not in it.

    Ids are 32 hexadecimal digits a line, or lines of JSON with an `id`, as `triptych show --json` prints them.
    """
    from ..pipelines.filters.taken_down import parse_ids
    from ..pipelines.takedown.takedown import take_down

    done = take_down(dataset, parse_ids(ids, ids.name))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
    else:
        _say(dataset, done)
    if done.missing:
        sys.exit(1)


def _say(dataset: str, done: Any) -> None:
    if done.resumed:
        click.echo("A takedown that was interrupted is done now.")
    for shard in done.rewritten:
        then = f"written anew as {shard.to}" if shard.to else "nothing is left of it"
        click.echo(f"{shard.file}: {shard.documents:,} documents with {shard.tokens:,} tokens removed, {then}")
    click.echo(
        f"{len(done.removed):,} documents removed; {len(done.withheld):,} duplicates of these, in no shard, stay out; "
        f"{len(done.before):,} were taken down before. Fingerprint {done.fingerprint}."
    )
    for each in done.missing:
        click.echo(f"{each}: not in this dataset.", err=True)
    if done.rewritten:
        click.echo(
            f"_work/ was removed, since it held raw copies. `triptych prepare` into {dataset} leaves out what "
            "takedown.txt lists. The sources, other datasets and backups still have it: remove it there, too."
        )
