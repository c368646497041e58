"""Partitions: Arrow tables committed as one file each, together with their ledger entries.

A part's file holds the rows that a stage kept; its schema metadata holds the dropped rows and the tallies, so that one
rename commits all three.
"""

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ...schemas.dataset.drop_detail import without_addresses
from ...schemas.dataset.dropped_lines import row_counts
from ...schemas.dataset.ledger import Tally
from ...schemas.dataset.tables import DROPPED, KEPT
from ...schemas.identity import canonical_json
from ...schemas.secrets import without_secrets
from ...schemas.storage.store import Store
from .ranges import MAGIC, Run, end_of, read_run, with_head
from .take_rows import take_rows

_SUMMARY, _DROPPED = b"triptych.summary", b"triptych.dropped"
HEADER_BYTES = 64 << 10  # of a part that are read for its header; a longer one takes a second request


@dataclass(frozen=True, slots=True)  # a run may hold some millions
class Partition:
    """A reference to a partition; `pieces` are (file, batch) pairs that are concatenated when it is loaded."""

    key: str  # identity of the stage, its config and its input
    pieces: tuple[tuple[str, int | None], ...]  # batch None means the whole file
    rows: int
    sort_by: str | None = None  # after a shuffle: rows are sorted by this column, then by id
    masks: tuple[tuple[str, int | None], ...] = ()  # pieces with a boolean per row, applied one after another
    stamped: bool = False  # add a column `part` that identifies the part of each row
    beside: tuple["Partition", ...] = ()  # further partitions that the stage gets as arguments
    note: Mapping[str, Any] = field(default_factory=dict)  # what the stage recorded about the part, such as its tokens
    run: Run | None = None  # after a shuffle: where its pieces are listed


@dataclass(frozen=True)
class Outcome:
    """Result of a stage on a table: kept rows, dropped rows, counts, and a note."""

    table: pa.Table
    dropped: pa.Table  # with the schema DROPPED, and KEPT where rows have it, ROWS where lines stand for several
    tallies: Sequence[Tally] = ()
    note: Mapping[str, Any] = field(default_factory=dict)


class Committed(NamedTuple):
    """What a driver has to know of a committed part; a task returns it, so that nobody reads the part for it."""

    name: str
    summary: bytes  # JSON of the number of rows, the tallies and the note
    dropped: int  # lines of dropped rows that the part holds

    def reference(self, key: str) -> "Partition":
        """Return a reference to the part."""
        summary = _parsed(self.summary)
        return Partition(key, ((self.name, None),), summary["rows"], note=summary["note"])

    @property
    def tallies(self) -> Sequence[Mapping[str, Any]]:
        """The tallies as JSON values."""
        found: Sequence[Mapping[str, Any]] = _parsed(self.summary).get("tallies", ())
        return found


@lru_cache(maxsize=8)  # what a part counts and where it is are asked for one right after the other
def _parsed(summary: bytes) -> Mapping[str, Any]:
    parsed: Mapping[str, Any] = json.loads(summary.decode())
    return parsed


@dataclass(frozen=True)
class Header:
    """The metadata of a committed part, without its rows."""

    rows: int
    tallies: list[Tally]
    note: dict[str, Any]
    dropped: pa.Table

    def committed(self, name: str) -> Committed:
        """Return what the task that wrote the part returned."""
        return Committed(name, _summary(self.rows, self.tallies, self.note), self.dropped.num_rows)


def commit(store: Store, name: str, outcome: Outcome) -> Committed:
    """Write an outcome as one file, with a record batch for every chunk of its table."""
    dropped = io.BytesIO()
    _write_ipc(dropped, outcome.dropped, {})
    note, table = outcome.note, outcome.table

    def schema() -> pa.Schema:
        summary = _summary(table.num_rows, outcome.tallies, note)
        return table.schema.with_metadata({_SUMMARY: summary, _DROPPED: dropped.getvalue()})

    if "batches" in note:
        note = with_head(note, schema())
    with store.create(name) as sink, pa.ipc.new_file(sink, schema()) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)
        if "batches" in note and table.num_rows and sink.tell() != end_of(note):
            raise RuntimeError(f"{name}: Arrow wrote record batches of other lengths than it announced")
    return Committed(name, _summary(table.num_rows, outcome.tallies, note), outcome.dropped.num_rows)


def _summary(rows: int, tallies: Sequence[Tally], note: Mapping[str, Any]) -> bytes:
    lines = [tally.model_dump(mode="json") for tally in tallies]
    return canonical_json({"rows": rows, "tallies": lines, "note": dict(note)})


def _write_ipc(sink: Any, table: pa.Table, metadata: dict[bytes, bytes]) -> None:
    with pa.ipc.new_file(sink, table.schema.with_metadata(metadata)) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)


def read_header(store: Store, name: str) -> Header:
    """Read the metadata of a committed part without reading its rows."""
    head = store.read_head(name, HEADER_BYTES)
    size = MAGIC + MAGIC + int.from_bytes(head.slice(MAGIC + 4, 4).to_pybytes(), "little")  # marker, length, schema
    if size > head.size:
        head = store.read_head(name, size)
    metadata = pa.ipc.read_schema(head.slice(MAGIC)).metadata
    summary = json.loads(metadata[_SUMMARY])
    dropped = pa.ipc.open_file(pa.BufferReader(metadata[_DROPPED])).read_all()
    tallies = [Tally.model_validate(tally) for tally in summary["tallies"]]
    return Header(summary["rows"], tallies, summary["note"], dropped)


def load(store: Store, part: Partition) -> pa.Table:
    """Load the rows of a part; after a shuffle sorted by (`sort_by`, id), independently of the order of arrival."""
    pieces = [_read_piece(store, file, batch) for file, batch in part.pieces]
    table = pa.concat_tables(pieces) if part.run is None else read_run(store, part.run)
    for mask in part.masks:
        table = table.filter(_read_piece(store, *mask)["kept"])
    if part.stamped:
        table = table.append_column("part", pa.repeat(pa.scalar(stamp_of(part), pa.uint64()), table.num_rows))
    if part.sort_by is None:
        return table
    keys = dict.fromkeys((part.sort_by, "id"), "ascending")
    return take_rows(table, pc.sort_indices(table, list(keys.items())))


def key_of(name: str) -> str:
    """Return the key of a committed part from its file name."""
    return name.rpartition("/")[2].removesuffix(".arrow")


def stamp_of(part: Partition) -> int:
    """Return the value of the column `part`: 64 bits of the part's key, so it does not depend on other parts."""
    return xxhash.xxh3_64_intdigest(part.key.encode())


def _read_piece(store: Store, file: str, batch: int | None) -> pa.Table:
    with pa.memory_map(store.path(file)) if store.local else pa.BufferReader(store.read(file)) as source:
        reader = pa.ipc.open_file(source)
        table = reader.read_all() if batch is None else pa.Table.from_batches([reader.get_batch(batch)])
    return table.replace_schema_metadata(None)


def dropped_table(stage: str, rows: Sequence[tuple[str, str, int, str, str]]) -> pa.Table:
    """A DROPPED table from (source, file, row, reason, detail); addresses of objects and secrets are taken out."""
    if not rows:
        return DROPPED.empty_table()
    columns = [[stage] * len(rows), *(list(column) for column in zip(*rows, strict=True))]
    columns[-1] = [without_secrets(without_addresses(detail)) for detail in columns[-1]]
    return pa.table(dict(zip(DROPPED.names, columns, strict=True)), schema=DROPPED)


def join_dropped(tables: Sequence[pa.Table]) -> pa.Table:
    """Join tables of dropped rows, of which some have KEPT."""
    return pa.concat_tables(tables, promote_options="default")


def drop_rows(stage: str, table: pa.Table, reasons: Mapping[int, tuple[str, str]]) -> tuple[pa.Table, pa.Table]:
    """Split rows off a table.

    Args:
        stage: Name of the stage that drops them.
        table: The rows.
        reasons: Index of a row -> (reason, detail).

    Returns:
        The remaining rows, and the dropped rows as a DROPPED table, with KEPT if the rows have it.
    """
    if not reasons:
        return table, DROPPED.empty_table()  # also where rows have `kept`
    indices = sorted(reasons)
    kept = ["kept"] if "kept" in table.column_names else []
    origins = table.select(["source", "file", "row", *kept]).take(indices)
    rows = zip(indices, *(origins[name].to_pylist() for name in ("source", "file", "row")), strict=True)
    lines = dropped_table(stage, [(*origin, *reasons[index]) for index, *origin in rows])
    if kept:
        lines = lines.append_column(KEPT, origins["kept"])
    keep = np.ones(table.num_rows, bool)
    keep[indices] = False
    return table.filter(pa.array(keep)), lines


def count_rows(stage: str, before: pa.Table, outcome: Outcome) -> list[Tally]:
    """Count by source the rows of a stage that turned `before` into `outcome`."""
    kept = _by_source(outcome.table)
    dropped: dict[str, Counter[str]] = {}
    lines = (outcome.dropped[name].to_pylist() for name in ("source", "reason"))
    for source, reason, count in zip(*lines, row_counts(outcome.dropped).tolist(), strict=True):
        dropped.setdefault(source, Counter())[reason] += count
    return [
        Tally(stage=stage, source=source, rows_in=rows, kept=kept.get(source, 0), dropped=dropped.get(source, {}))
        for source, rows in _by_source(before).items()
    ]


def _by_source(table: pa.Table) -> dict[str, int]:
    counts = table["source"].combine_chunks().value_counts()
    return {count["values"]: count["counts"] for count in counts.to_pylist()}
