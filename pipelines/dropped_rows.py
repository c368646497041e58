"""Collects the dropped rows of all stages into one Parquet file, of which the size is bounded.

The parts are read twice where a file may have more rows than are listed: first to choose those, then to write them.
"""

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..schemas.dataset.dropped_lines import FirstRows, row_counts
from ..schemas.dataset.ledger import Tally
from ..schemas.dataset.tables import DROPPED, KEPT, ROWS
from ..schemas.storage.store import Store
from .engines.partition import join_dropped, read_header


def dropped_rows(store: Store, parts: Sequence[str], ledger: Sequence[Tally], most: int, kept: bool) -> bytes:
    """Return all dropped rows as Parquet, a row group per part, in the order of the stages and their parts.

    Args:
        store: The store.
        parts: Names of the parts with dropped rows.
        ledger: The ledger.
        most: Rows that are listed for each file and reason; the others are counted in lines at the end.
        kept: True if the run keeps columns.
    """
    many = {(t.stage, t.source, reason) for t in ledger for reason, rows in t.dropped.items() if rows > most}
    first = FirstRows(most)
    if many:
        for name in parts:
            first.see(_of(read_header(store, name).dropped, many))
    others = first.others()
    schema = DROPPED.append(KEPT) if kept else DROPPED
    if len(others):
        schema = schema.append(ROWS)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        writer.write_table(schema.empty_table())
        for name in parts:
            lines = read_header(store, name).dropped
            writer.write_table(with_schema(first.take(lines) if many else lines, schema))
        if len(others):
            writer.write_table(with_schema(others, schema))
    return sink.getvalue()


def _of(lines: pa.Table, groups: set[tuple[str, str, str]]) -> pa.Table:
    """Select the lines of some stages, sources and reasons."""
    chosen = pa.array([False] * len(lines))
    for group in groups:
        mine = [pc.equal(lines[name], value) for name, value in zip(("stage", "source", "reason"), group, strict=True)]
        chosen = pc.or_(chosen, pc.and_(pc.and_(mine[0], mine[1]), mine[2]))
    return lines.filter(chosen)


def with_schema(lines: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return dropped rows with the columns of another table of them: null, or one row a line, where they lack one."""
    lines = join_dropped([lines, schema.empty_table()])
    if ROWS.name in schema.names:
        counts = pa.chunked_array([pa.array(row_counts(lines))])
        lines = lines.set_column(lines.column_names.index(ROWS.name), ROWS, counts)
    return lines.select(schema.names)
