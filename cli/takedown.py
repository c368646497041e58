"""`triptych takedown`: remove documents from a finished dataset."""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..schemas.command_line import example
from ..schemas.secrets import without_secrets
from ..schemas.visible import print_line

if TYPE_CHECKING:
    from ..pipelines.takedown.select_documents import Removal


@click.command(epilog=example("triptych takedown out/stamps --ids ids.txt"))
@click.argument("dataset")
@click.option(
    "--ids",
    metavar="FILE",
    type=click.File(encoding="utf-8"),
    help="Ids or contents of documents, one per line; - reads standard input.",
)
@click.option("--source", metavar="NAME", help="Documents of this source.")
@click.option("--file", "label", metavar="GLOB", help="Documents of these files, named as `triptych show` names them.")
@click.option(
    "--match",
    metavar="COLUMN=GLOB",
    multiple=True,
    help="Documents with this value of `license` or of a column that the dataset keeps; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before documents are removed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def takedown(
    dataset: str,
    ids: TextIO | None,
    source: str | None,
    label: str | None,
    match: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove documents from DATASET and rewrite only the shards that contain them.

    A document must meet all of --ids, --source, --file and --match that are given.
    The command prints what it will remove, and asks first if it runs in a terminal.

    A line of --ids is an id or a `content` of 32 hexadecimal digits, or JSON with
    an `id`, as `triptych show --json` prints them. The exit code is 1 if an id is not in the
    dataset, or if no document meets the conditions.
    """
    from ..pipelines.filters.taken_down import parse_ids
    from ..pipelines.takedown.remains import remains
    from ..pipelines.takedown.select_documents import Selection, removal, select
    from ..pipelines.takedown.takedown import finish_interrupted, take_down
    from ..schemas.dataset.reader import Dataset

    if ids is None and source is None and label is None and not match:
        raise click.UsageError("Say which documents: --ids, --source, --file or --match.")
    given = None if ids is None else parse_ids(ids, ids.name)
    resumed = not dry_run and finish_interrupted(dataset)
    opened = Dataset(dataset)
    chosen = select(opened, Selection(given, source, label, _columns(match)))
    found = removal(opened, chosen)
    left = remains(opened.manifest)
    if dry_run and as_json:
        click.echo(json.dumps(dataclasses.asdict(found) | {"ids": chosen, "remains": left}))
    else:
        _announce(dataset, found, err=as_json)
    if dry_run:
        if not as_json:
            _warn(left)
        return
    if found.sources and not yes and sys.stdin.isatty() and not click.confirm("Remove them?", err=True):
        print_line("Nothing was changed.", err=True)
        sys.exit(1)
    done = take_down(dataset, chosen)
    done = dataclasses.replace(done, resumed=done.resumed or resumed)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done) | {"remains": left}))
    else:
        _print(dataset, done, left)
    if done.missing:
        sys.exit(1)


def _columns(match: tuple[str, ...]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for each in match:
        name, equals, pattern = each.partition("=")
        if not name or not equals or name in columns:
            raise click.UsageError(f"--match {each}: give each column once, as COLUMN=GLOB.")
        columns[name] = pattern
    return columns


def _announce(dataset: str, found: "Removal", err: bool) -> None:
    documents, tokens = (sum(counts[at] for counts in found.sources.values()) for at in (0, 1))
    print_line(
        f"To be removed from {without_secrets(dataset)}, with all duplicates: {documents:,} documents with "
        f"{tokens:,} tokens, in {found.shards:,} shards that will be rewritten; and {found.withheld:,} duplicates that "
        "are in no shard.",
        err=err,
    )
    for name, (count, length) in found.sources.items():
        print_line(f"  {name}: {count:,} documents, {length:,} tokens", err=err)


def _warn(left: list[str]) -> None:
    print_line("A takedown does not change what may hold the documents elsewhere:")
    for each in left:
        print_line(f"  - {each}")


def _print(dataset: str, done: Any, left: list[str]) -> None:
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
    for path in done.uncached:
        print_line(f"{path}: deleted, a copy of a shard that was rewritten.")
    if done.rewritten:
        print_line(
            "_work/ was removed, because it contained raw copies. `triptych prepare` into "
            f"{without_secrets(dataset)} will skip the documents in takedown.txt."
        )
        _warn(left)
