"""`triptych card`: write the card of a dataset."""

import json

import click

from ..schemas.command_line import example


@click.command(epilog=example("triptych card out/stamps"))
@click.argument("dataset")
@click.option("--out", metavar="DIR", show_default="the dataset", help="Write the files to this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
def card(dataset: str, out: str | None, as_json: bool) -> None:
    """Describe DATASET in README.md and in croissant.json.

    README.md is a dataset card in Markdown with sources, licences, the ledger and the
    tokenizers; croissant.json has the same as Croissant 1.1 (JSON-LD), with
    provenance. Files of these names are replaced.
    """
    from ..pipelines.handing_on.card import CROISSANT, MARKDOWN, write_card
    from ..schemas.dataset.reader import Dataset
    from ..schemas.secrets import without_secrets
    from ..schemas.storage.store import Store
    from ..schemas.visible import print_line

    opened = Dataset(dataset)
    where = Store(out or dataset)
    write_card(where, opened.manifest)
    shown = without_secrets(where.url.rstrip("/"))
    names = [f"{shown}/{name}" for name in (MARKDOWN, CROISSANT)]
    if as_json:
        click.echo(json.dumps({"files": names, "fingerprint": opened.manifest.fingerprint}))
        return
    for name in names:
        print_line(f"Wrote {name}")
