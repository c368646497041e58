"""The index of committed parts, from which a resumed run learns what it would otherwise ask every part for.

A part's own file is the truth. The index has a line for each part, in segments that the driver appends while results
arrive; whatever a killed driver did not write is read from the headers of the parts.
"""

import time
import uuid
from bisect import bisect
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import pyarrow as pa

from ...schemas.storage.store import WORK, Store
from .partition import Committed, read_header

COMMITS = f"{WORK}/commits"
LINE = pa.schema([("name", pa.string()), ("summary", pa.binary()), ("dropped", pa.int64())])
FLUSH_SECONDS = 15  # between two segments; a killed run rereads the headers of at most so many seconds
SEGMENTS = 64  # of a stage; more are put together by the next run


@dataclass(frozen=True)
class CommittedParts:
    """The committed parts of one stage, as they were when the folder was listed."""

    store: Store
    names: frozenset[str]
    lines: pa.Table

    def get(self, name: str) -> Committed | None:
        """Return what is known of one part, or None if it is not committed."""
        if name not in self.names:
            return None
        at = self._rows.get(name)
        if at is None:
            return self._ask(name)
        batches, starts = self._batches
        batch = bisect(starts, at) - 1
        summaries, dropped = batches[batch]
        return Committed(name, summaries[at - starts[batch]].as_py(), dropped[at - starts[batch]].as_py())

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.lines["name"].to_pylist())}

    @cached_property
    def _batches(self) -> tuple[list[tuple[pa.Array, pa.Array]], list[int]]:
        """The columns of each segment, which may be too many bytes for one array, and the index of its first line."""
        batches = [batch for batch in self.lines.to_batches() if len(batch)]
        starts = [0, *accumulate(len(batch) for batch in batches)]
        return [(batch["summary"], batch["dropped"]) for batch in batches], starts[:-1]

    def _ask(self, name: str) -> Committed:
        if name.endswith(".arrow"):
            return read_header(self.store, name).committed(name)
        return Committed(name, self.store.read(name), 0)


class CommitIndex:
    """Writes the index as results arrive, and reads it when a stage begins."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._new: dict[str, list[Committed]] = {}
        self._written = time.monotonic()

    def add(self, committed: Iterable[Committed]) -> None:
        """Add the lines of parts that were just committed."""
        for each in committed:
            self._new.setdefault(each.name.split("/")[1], []).append(each)
        if time.monotonic() - self._written > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the lines that are not written yet."""
        for stage, committed in self._new.items():
            columns = zip(*committed, strict=True)
            self._write(stage, pa.table([pa.array(c, f.type) for c, f in zip(columns, LINE, strict=True)], schema=LINE))
        self._new = {}
        self._written = time.monotonic()

    def of(self, stage: str) -> CommittedParts:
        """List the committed parts of a stage, and read their index."""
        self.flush()
        names = frozenset(self._store.names(f"{WORK}/{stage}"))
        return CommittedParts(self._store, names, self._lines(stage) if names else LINE.empty_table())

    def _lines(self, stage: str) -> pa.Table:
        segments = self._store.names(f"{COMMITS}/{stage}")
        tables = [table for data in self._store.read_all(segments) if (table := _table(data)) is not None]
        table = pa.concat_tables([LINE.empty_table(), *tables])
        if len(segments) > SEGMENTS:
            self._write(stage, table)
            for name in segments:
                self._store.delete(name)
        return table

    def _write(self, stage: str, table: pa.Table) -> None:
        with self._store.create(f"{COMMITS}/{stage}/{uuid.uuid4().hex}.lines") as sink:
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_file(sink, LINE, options=options) as writer:
                writer.write_table(table)


def _table(segment: bytes) -> pa.Table | None:
    """Return the lines of a segment; None if it is damaged, since the parts themselves can be asked."""
    with suppress(pa.ArrowInvalid, OSError):
        table = pa.ipc.open_file(pa.BufferReader(segment)).read_all()
        return table if table.schema == LINE else None
    return None
