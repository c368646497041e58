"""`triptych takedown`: remove documents from a finished dataset."""

import dataclasses
import json
import sys
from typing import Any, TextIO

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line


@click.command(epilog=example("triptych takedown out/stamps --ids ids.txt"))
@click.argument("dataset")
@click.option(
    "--ids",
    metavar="FILE",
    type=click.File(encoding="utf-8"),
    required=True,
    help="Document ids, one per line; - reads standard input.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def takedown(dataset: str, ids: TextIO, as_json: bool) -> None:
    """Remove documents from DATASET and rewrite only the shards that contain them.

    A line of --ids is an id of 32 hexadecimal digits, or JSON with an `id`, as
    `triptych show --json` prints it. The exit code is 1 if an id is not in the
    dataset.
    """
    from ..pipelines.filters.taken_down import parse_ids
    from ..pipelines.takedown.takedown import take_down

    done = take_down(dataset, parse_ids(ids, ids.name))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
    else:
        _print(dataset, done)
    if done.missing:
        sys.exit(1)


def _print(dataset: str, done: Any) -> None:
    if done.resumed:
        print_line("Completed a takedown that was interrupted.")
    for shard in done.rewritten:
        then = f"rewritten as {shard.to}" if shard.to else "nothing is left, shard removed"
        print_line(f"{shard.file}: {shard.documents:,} documents with {shard.tokens:,} tokens removed, {then}")
    print_line(
        f"{len(done.removed):,} documents removed; {len(done.withheld):,} duplicates of them, in no shard, stay "
        f"excluded; {len(done.before):,} were removed before. Fingerprint {done.fingerprint}."
    )
    for each in done.missing:
        print_line(f"{each}: not in this dataset.", err=True)
    if done.rewritten:
        print_line(
            f"_work/ was removed, because it contained raw copies. `triptych prepare` into {dataset} will skip the "
            "documents in takedown.txt. Remove them from the sources, other datasets and backups, too."
        )
