"""`triptych stats`: print statistics of a dataset, from its manifest alone."""

import json

import click

from ..schemas.command_line import example


@click.command(epilog=example("triptych stats out/stamps"))
@click.argument("dataset")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def stats(dataset: str, as_json: bool) -> None:
    """Print statistics of DATASET.

    These are rows, fill rate, tokens, segments, length percentiles, codebook use,
    duplicates and the ledger of kept and dropped rows.
    """
    from ..pipelines.inspection.stats import stats as describe
    from ..schemas.dataset.reader import Dataset

    manifest = Dataset(dataset).manifest
    facts = describe(manifest)
    if as_json:
        click.echo(json.dumps(facts))
        return
    from ..schemas.console import console, text
    from . import tables
    from .fit_tables import fit

    screen = console()
    screen.print(
        text(facts["name"], "bold"),
        f" {facts['rows']:,} rows of {facts['row_length']:,}, {facts['fill']:.2%} full, "
        f"{facts['shards']} shards, {facts['bytes'] / 1e6:,.1f} MB, vocabulary {facts['vocabulary']:,}",
    )
    shown = [tables.source_table(facts), tables.group_table(facts), tables.codebook_table(facts)]
    if facts["licenses"]:
        shown.append(tables.license_table(facts))
    if facts["dedup"]:
        shown += [tables.duplicates_table(facts), tables.clusters_table(facts)]
    if facts["decontamination"]:
        shown.append(tables.hits_table(facts))
    for table in (*shown, tables.ledger_table(manifest.ledger)):
        for block in fit(table, screen.width):
            screen.print(block)
    for line in facts["advice"]:
        screen.print(line, soft_wrap=True)
    screen.print(f"fingerprint {facts['fingerprint']}")
