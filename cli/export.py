"""`triptych export`: write a dataset in the format of another library."""

import json
import shlex
from typing import cast

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line

OPENED_BY = {
    "hf": 'datasets.load_from_disk("{out}")',
    "parquet": 'datasets.load_dataset("{out}", split="train")',
    "webdataset": 'webdataset.WebDataset(sorted(glob.glob("{out}/*.tar")), shardshuffle=False).decode()',
    "mds": 'streaming.StreamingDataset(local="{out}", batch_size=1)',
    "megatron": 'megatron.core.datasets.indexed_dataset.IndexedDataset("{out}/tokens")',
}


@click.command(epilog=example("triptych export out/stamps --to megatron handed/stamps"))
@click.argument("dataset")
@click.argument("out", type=click.Path())
@click.option("--to", "layout", type=click.Choice(list(OPENED_BY)), required=True, help="Format to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(dataset: str, out: str, layout: str, as_json: bool) -> None:
    """Write DATASET to the new folder OUT in the format of another library.

    hf, parquet, webdataset and mds hold the packed rows; megatron holds one document
    per segment. All come with the vocabulary and the tokenizers.
    """
    from ..pipelines.handing_on.export import Layout
    from ..pipelines.handing_on.export import export as write

    written = write(dataset, cast(Layout, layout), out)
    segments = sum(source.segments for source in written.manifest.statistics.sources.values())
    if as_json:
        facts = {"out": out, "layout": layout, "rows": written.rows, "segments": segments}
        click.echo(json.dumps(facts | {"fingerprint": written.manifest.fingerprint}))
        return
    print_line(f"{shlex.quote(out)}: {written.rows:,} rows with {segments:,} segments of {written.where}.")
    print_line(f"Open it by {OPENED_BY[layout].format(out=out)}")
