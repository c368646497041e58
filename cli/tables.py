"""Rich tables that commands print."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from ..schemas.dataset.ledger import Tally
from .bars import histogram


def _table(title: str, words: Sequence[str], numbers: Sequence[str], last: str | None = None) -> Table:
    table = Table(title=title, title_justify="left")
    for name in words:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    if last:
        table.add_column(last)
    return table


def ledger_table(ledger: Sequence[Tally], title: str = "Ledger") -> Table:
    """Rows read, kept and dropped by reason, for every source and stage."""
    table = _table(title, ("source", "stage"), ("rows in", "kept"), "dropped")
    before = None
    for tally in ledger:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in tally.dropped.items())
        source = tally.source if tally.source != before else ""
        table.add_row(source, tally.stage, f"{tally.rows_in:,}", f"{tally.kept:,}", reasons)
        before = tally.source
    return table


def source_table(facts: dict[str, Any]) -> Table:
    """Samples, segments, images, time of audio and tokens of every source."""
    numbers = ("samples", "segments", "text", "image", "audio", "images", "audio time")
    table = _table("Sources (tokens by modality)", ("source", "kind"), numbers)
    for name, source in facts["sources"].items():
        counts = [f"{source[key]:,}" for key in ("samples", "segments")]
        counts += [f"{source['tokens'].get(modality, 0):,}" for modality in ("text", "image", "audio")]
        counts += [f"{source['images']:,}", brief_time(source["audio_seconds"])]
        table.add_row(name, source["kind"], *counts)
    return table


def brief_time(seconds: float) -> str:
    """A duration in the unit that suits it: 1,234.5 h, 12.3 min, 4.5 s."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def length_table(facts: dict[str, Any], unicode: bool) -> Table:
    """Percentiles of the segment lengths of every source, and their histogram from the shortest to the longest."""
    table = _table("Segment lengths in tokens", ("source",), ("p1", "p50", "p99", "max"), "shortest to longest")
    for name, source in facts["sources"].items():
        if source["lengths"]:
            cells = (f"{source['lengths'][key]:,}" for key in ("p1", "p50", "p99", "p100"))
            table.add_row(name, *cells, histogram(source["histogram"]["counts"], unicode))
    return table


def license_table(facts: dict[str, Any]) -> Table:
    """Segments and tokens of every source by licence."""
    table = _table("Licences", ("source", "license"), ("segments", "tokens"))
    for line in facts["licenses"]:
        table.add_row(line["source"], line["license"] or "none", f"{line['segments']:,}", f"{line['tokens']:,}")
    return table


def group_table(facts: dict[str, Any]) -> Table:
    """Fill rate of the rows of each group, and its upper bound for whole segments."""
    table = _table("Packing", ("group",), ("rows", "fill", "upper bound"))
    for name, group in facts["groups"].items():
        table.add_row(name, f"{group['rows']:,}", f"{group['fill']:.2%}", f"{group['fill_bound']:.2%}")
    return table


def codebook_table(facts: dict[str, Any]) -> Table:
    """Used and unused codes of every codebook."""
    table = _table("Codebooks", ("codebook",), ("size", "used", "dead", "perplexity"))
    for name, use in facts["codebooks"].items():
        table.add_row(name, f"{use['size']:,}", f"{use['used']:,}", f"{use['dead']:,}", f"{use['perplexity']:,.0f}")
    return table


def duplicates_table(facts: dict[str, Any]) -> Table:
    """Rows that deduplication compared and dropped, by kind of sample and the modalities that were compared."""
    numbers = ("rows compared", "clusters", "largest", "exact", "near", "within a source", "across sources")
    table = _table("Duplicates", ("kind", "compared by"), numbers)
    for report in facts["dedup"]:
        across = sum(count for survivors in report["across"].values() for count in survivors.values())
        counts = [report["rows"], report["clusters"], max(report["sizes"], default=0)]
        counts += [report["dropped"].get(reason, 0) for reason in ("exact_duplicate", "near_duplicate")]
        counts += [sum(report["within"].values()), across]
        table.add_row(report["kind"], report["judged"], *(f"{count:,}" for count in counts))
    return table


def clusters_table(facts: dict[str, Any], most: int = 10) -> Table:
    """The largest clusters of duplicates, each with the row that was kept."""
    table = _table("Largest clusters (triptych show DATASET --cluster #)", ("kind",), ("#", "rows"), "kept row")
    for report in facts["dedup"]:
        for cluster in report["largest"][:most]:
            kept = cluster["examples"][0]
            excerpt = " ".join((kept["excerpt"] or "").split())[:60]
            origin = f"{kept['source']}: {kept['file']}, row {kept['row']}  {excerpt}"
            table.add_row(report["kind"], str(cluster["cluster"]), f"{cluster['rows']:,}", origin)
    return table


def hits_table(facts: dict[str, Any]) -> Table:
    """Rows that were dropped because an evaluation set contains them."""
    table = _table("Evaluation sets", ("set",), ("rows in set", "hits"), "hits by source and modality")
    for report in facts["decontamination"]:
        parts = [
            f"{source}: {count:,} by {modality}"
            for source, modalities in report["hits"].items()
            for modality, count in modalities.items()
        ]
        total = sum(count for modalities in report["hits"].values() for count in modalities.values())
        table.add_row(report["name"], f"{report['rows']:,}", f"{total:,}", ", ".join(parts))
    return table


def cluster_table(title: str, rows: Sequence[dict[str, Any]], most: int = 50) -> Table:
    """The rows of a cluster of duplicates."""
    table = _table(title, ("", "source", "file"), ("row", "size"), "text")
    for line in rows[:most]:
        excerpt = " ".join((line["excerpt"] or "").split())[:70]
        outcome = line["reason"] or "kept"
        table.add_row(outcome, line["source"], line["file"], str(line["row"]), f"{line['size']:,}", excerpt)
    if len(rows) > most:
        table.add_row(f"… and {len(rows) - most:,} more", "", "", "", "", "")
    return table
