"""Rich tables that commands print."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ..schemas.manifest import Manifest


def console(stderr: bool = False, quiet: bool = False) -> Console:
    """A console that does not squeeze tables when its output goes to a file or a pipe."""
    plain = Console(stderr=stderr, quiet=quiet)
    return plain if plain.is_terminal else Console(stderr=stderr, quiet=quiet, width=140)


def _table(title: str, words: Sequence[str], numbers: Sequence[str], last: str | None = None) -> Table:
    table = Table(title=title, title_justify="left")
    for name in words:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    if last:
        table.add_column(last)
    return table


def ledger_table(manifest: Manifest) -> Table:
    """Rows in, kept and dropped by reason, for every source and stage."""
    table = _table("Ledger", ("source", "stage"), ("rows in", "kept"), "dropped")
    before = None
    for tally in manifest.ledger:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in tally.dropped.items())
        source = tally.source if tally.source != before else ""
        table.add_row(source, tally.stage, f"{tally.rows_in:,}", f"{tally.kept:,}", reasons)
        before = tally.source
    return table


def source_table(facts: dict[str, Any]) -> Table:
    """Samples, segments, tokens and lengths of every source."""
    numbers = ("samples", "segments", "text", "image", "audio", "length p1", "p50", "p99", "max")
    table = _table("Sources (tokens by modality)", ("source", "kind"), numbers)
    for name, source in facts["sources"].items():
        counts = [source["samples"], source["segments"]]
        counts += [source["tokens"].get(modality, 0) for modality in ("text", "image", "audio")]
        counts += [source["lengths"].get(key, 0) for key in ("p1", "p50", "p99", "p100")]
        table.add_row(name, source["kind"], *(f"{count:,}" for count in counts))
    return table


def group_table(facts: dict[str, Any]) -> Table:
    """How full the rows of each group are, beside the most that whole segments allow."""
    table = _table("Packing", ("group",), ("rows", "fill", "at most"))
    for name, group in facts["groups"].items():
        table.add_row(name, f"{group['rows']:,}", f"{group['fill']:.2%}", f"{group['fill_bound']:.2%}")
    return table


def codebook_table(facts: dict[str, Any]) -> Table:
    """Codes used and dead of every codebook."""
    table = _table("Codebooks", ("codebook",), ("size", "used", "dead", "perplexity"))
    for name, use in facts["codebooks"].items():
        table.add_row(name, f"{use['size']:,}", f"{use['used']:,}", f"{use['dead']:,}", f"{use['perplexity']:,.0f}")
    return table
