"""Collects the dropped rows of all stages into one Parquet file, of which the size is bounded.

The parts are read twice where a file may have more rows than are listed: first to choose those, then to write them.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from ..schemas.dataset.dropped_lines import FirstRows, row_counts
from ..schemas.dataset.file_entry import FileEntry
from ..schemas.dataset.ledger import Tally
from ..schemas.dataset.tables import DROPPED, KEPT, ROWS
from ..schemas.storage.store import Store
from .engines.partition import join_dropped, read_header
from .row_list import stage_list, together

DROPPED_FILE = "dropped.parquet"
MANY = 1024  # parts


def dropped_rows(store: Store, parts: Sequence[str], ledger: Sequence[Tally], most: int, kept: bool) -> FileEntry:
    """Write all dropped rows as Parquet below the work folder, in the order of the stages and their parts.

    Args:
        store: The store.
        parts: Names of the parts with dropped rows; each is a row group, unless there are more than MANY.
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
    tables = _listed(store, parts, first if many else None, schema)
    tables = together(tables) if len(parts) > MANY else tables
    ends = [with_schema(others, schema)] if len(others) else []
    return stage_list(store, DROPPED_FILE, schema, chain(tables, ends))


def _listed(store: Store, parts: Sequence[str], first: FirstRows | None, schema: pa.Schema) -> Iterator[pa.Table]:
    for name in parts:
        lines = read_header(store, name).dropped
        yield with_schema(lines if first is None else first.take(lines), schema)


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
