"""`triptych merge`: put datasets with one vocabulary together."""

import json
import shlex

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line


@click.command(epilog=example("triptych merge out/monday out/tuesday out/both"))
@click.argument("datasets", metavar="DATASET DATASET [DATASET]...", nargs=-1, required=True)
@click.argument("out", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def merge(datasets: tuple[str, ...], out: str, as_json: bool) -> None:
    """Write the rows of two or more DATASETs to the new dataset OUT.

    They must have the same vocabulary and row length. Shards are copied, and ledgers
    and statistics are added up. Nothing is deduplicated: the command prints how many
    contents are in more than one of the datasets.
    """
    if len(datasets) < 2:
        raise click.UsageError("Give at least two datasets, and then the folder to write.")
    from ..pipelines.handing_on.merge import merge_datasets

    merged = merge_datasets(datasets, out)
    manifest = merged.manifest
    if as_json:
        facts = {"out": out, "rows": manifest.statistics.rows, "shards": len(manifest.shards)}
        click.echo(json.dumps(facts | {"shared_content": merged.shared, "fingerprint": manifest.fingerprint}))
        return
    print_line(
        f"{shlex.quote(out)}: {manifest.statistics.rows:,} rows in {len(manifest.shards):,} shards; fingerprint "
        f"{manifest.fingerprint}."
    )
    if merged.shared:
        print_line(
            f"{merged.shared:,} contents are in more than one of the datasets. To keep each once, prepare the sources "
            "in one run with `dedup`."
        )
    else:
        print_line("No content is in more than one of the datasets.")
