"""Rich tables that more than one command prints."""

from rich.table import Table

from ..schemas.manifest import Manifest


def ledger_table(manifest: Manifest) -> Table:
    """Rows in, kept and dropped by reason, for every source and stage."""
    table = Table(title="Ledger", title_justify="left")
    for name in ("source", "stage"):
        table.add_column(name)
    for name in ("rows in", "kept"):
        table.add_column(name, justify="right")
    table.add_column("dropped")
    before = None
    for tally in manifest.ledger:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in tally.dropped.items())
        source = tally.source if tally.source != before else ""
        table.add_row(source, tally.stage, f"{tally.rows_in:,}", f"{tally.kept:,}", reasons)
        before = tally.source
    return table
