"""`triptych stats`: print statistics of a dataset, from its manifest alone, or of a training run."""

import json
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import example

if TYPE_CHECKING:
    from rich.table import Table

    from ..schemas.dataset.manifest import Manifest


@click.command(epilog=example("triptych stats out/stamps"))
@click.argument("path")
@click.option("--explain", is_flag=True, help="Explain the terms below each table.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def stats(path: str, explain: bool, as_json: bool) -> None:
    """Print statistics of PATH, a dataset or a training run.

    Of a dataset these are rows, fill rate, tokens, images, time of audio, lengths,
    codebook use, duplicates and the ledger of kept and dropped rows; of a run, its
    size, bits per token by modality beside the unigram baseline, and its speed.
    """
    from ..schemas.storage.store import Store
    from ..train.curves import is_run

    if is_run(Store(path)):
        from .stats_run import print_run

        print_run(path, explain, as_json)
        return
    from ..pipelines.inspection.stats import stats as describe
    from ..schemas.dataset.reader import Dataset

    manifest = Dataset(path).manifest
    facts = describe(manifest)
    if as_json:
        click.echo(json.dumps(facts))
        return
    _print(facts, manifest, explain)


def _print(facts: dict[str, Any], manifest: "Manifest", explain: bool) -> None:
    from ..schemas.console import console, text
    from .fit_tables import print_tables
    from .tables import brief_time

    screen = console()
    screen.print(
        text(facts["name"], "bold"),
        f" {facts['rows']:,} rows of {facts['row_length']:,}, {facts['fill']:.2%} full, "
        f"{facts['shards']} shards, {facts['bytes'] / 1e6:,.1f} MB, vocabulary {facts['vocabulary']:,}",
    )
    media = [f"{facts['images']:,} images"] if facts["images"] else []
    media += [f"{brief_time(facts['audio_seconds'])} of audio"] if facts["audio_seconds"] else []
    if media:
        screen.print(", ".join(media))
    print_tables(_tables(facts, manifest, screen.encoding.startswith("utf")), screen, explain)
    for line in facts["advice"]:
        screen.print(line, soft_wrap=True)
    screen.print(f"fingerprint {facts['fingerprint']}")


def _tables(facts: dict[str, Any], manifest: "Manifest", unicode: bool) -> "list[tuple[Table, tuple[str, ...]]]":
    """The tables, each with the terms that explain it."""
    from . import tables

    shown = [
        (tables.source_table(facts), ("document", "segment", "kind", "token")),
        (tables.length_table(facts, unicode), ("length", "percentile", "histogram")),
        (tables.group_table(facts), ("row", "group", "fill")),
        (tables.codebook_table(facts), ("codebook", "dead", "perplexity")),
    ]
    if facts["licenses"]:
        shown.append((tables.license_table(facts), ("license",)))
    if facts["dedup"]:
        shown += [(tables.duplicates_table(facts), ("cluster", "near")), (tables.clusters_table(facts), ())]
    if facts["decontamination"]:
        shown.append((tables.hits_table(facts), ("evaluation",)))
    return [*shown, (tables.ledger_table(manifest.ledger), ("funnel",))]
