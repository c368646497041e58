"""`triptych stats`: a dataset in numbers, from its manifest alone."""

import json

import click


@click.command()
@click.argument("dataset")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def stats(dataset: str, as_json: bool) -> None:
    """Rows, fill, tokens and segments, length percentiles, codebook use and the ledger of DATASET."""
    from ..pipelines.inspection.stats import stats as describe
    from ..schemas.dataset.reader import Dataset

    manifest = Dataset(dataset).manifest
    facts = describe(manifest)
    if as_json:
        click.echo(json.dumps(facts))
        return
    from . import tables

    screen = tables.console()
    screen.print(
        f"[bold]{facts['name']}[/]  {facts['rows']:,} rows of {facts['row_length']:,}, {facts['fill']:.2%} full, "
        f"{facts['shards']} shards, {facts['bytes'] / 1e6:,.1f} MB, vocabulary {facts['vocabulary']:,}"
    )
    shown = [tables.source_table(facts), tables.group_table(facts), tables.codebook_table(facts)]
    if facts["licenses"]:
        shown.append(tables.license_table(facts))
    if facts["dedup"]:
        shown += [tables.duplicates_table(facts), tables.clusters_table(facts)]
    if facts["decontamination"]:
        shown.append(tables.hits_table(facts))
    for table in (*shown, tables.ledger_table(manifest)):
        screen.print(table)
    for line in facts["advice"]:
        screen.print(line)
    screen.print(f"fingerprint {facts['fingerprint']}")
