"""The first stage: reads units of the sources into partitions of raw rows, validated on the way.

A unit is read as a stream and divided into partitions by bytes; each is committed on its own, and a small file marks
the unit as finished. Rows get their ids here, from source name, content and row number, never from a path.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.columns import column_field
from ...schemas.config.run import Limits
from ...schemas.config.sources import Source
from ...schemas.dataset.dropped_lines import bounded
from ...schemas.dataset.ledger import Tally
from ...schemas.dataset.tables import KEPT, RAW, ROWS
from ...schemas.identity import canonical_json, fingerprint
from ...schemas.secrets import hide, secrets_of
from ...schemas.storage.store import Store
from ...tokenizers.decoding import decoding_identity
from ..engines.base import Engine
from ..engines.commits import CommittedParts
from ..engines.partition import Committed, Outcome, commit, count_rows, dropped_table, join_dropped, read_header
from ..engines.stage import WorkCount, part_name
from ..engines.steps import Read
from .base import RawBatch, Reader, Unit
from .content import add_content
from .files import printable
from .json_texts import json_object
from .known_digests import Known, KnownDigests, mark_of, unit_key
from .own_output import no_source_below
from .registry import open_source
from .samples import samples
from .unit_time import limited_time
from .validate import Validate

READ_VERSION = 4


@dataclass(frozen=True)
class Input:
    """A unit of a source, and what identifies its content among all units of the source."""

    source: Source
    unit: Unit
    digest: str
    copy: int  # 0 for the first unit with this content, then 1, 2, …

    @property
    def base(self) -> str:
        """The string from which the ids of its rows are derived."""
        return fingerprint(self.source.name, self.digest, self.copy)


@dataclass(frozen=True)
class Digest:
    """The task that hashes the content of a unit, unless it looks unchanged."""

    limits: Limits
    partition_bytes: int

    def key(self, source: Source) -> str:
        """Return a fingerprint of what the digests of a source's units depend on, beside the units."""
        settings = [source.model_dump(mode="json"), self.limits.model_dump(mode="json"), self.partition_bytes]
        return fingerprint("digest", READ_VERSION, source.kind, settings)

    def looked_at(self, source: Source, unit: Unit, known: Known | None) -> Known | None:
        """Return what is known of a unit if it is one file, which looks unchanged: that takes no task."""
        if known is None or self._reader(source).files(unit) != (unit.path,):
            return None
        return known if known.mark == mark_of((unit.path,)) else None

    def __call__(self, item: tuple[Source, Unit, Known | None]) -> Known:
        """Return the digest of a unit, given what is known of it."""
        source, unit, known = item
        with limited_time(unit, self.limits.unit_seconds):
            reader = self._reader(source)
            mark = mark_of(reader.files(unit))  # before the files are read, so that a later change is seen
            if known is not None and known.mark == mark:
                return known
            return Known(mark, reader.digest(unit))

    def _reader(self, source: Source) -> Reader:
        return open_source(source, self.limits, self.partition_bytes)


def find_units(sources: Sequence[Source], limits: Limits, partition_bytes: int, out: str) -> list[tuple[Source, Unit]]:
    """List every unit of every source, in the order of the run file; raises Refusal when something is missing.

    Files below `out` are left out, since the run itself writes them.
    """
    with no_source_below(out):
        return [(source, unit) for source in sources for unit in open_source(source, limits, partition_bytes).units()]


def identify(
    engine: Engine,
    items: Sequence[tuple[Source, Unit]],
    limits: Limits,
    partition_bytes: int,
    recheck: bool = False,
) -> list[Input]:
    """Hash the content of all units, which reads every byte of the inputs that do not look unchanged.

    Args:
        engine: Runs the tasks.
        items: The units and their sources.
        limits: Limits of the run.
        partition_bytes: Size of a partition.
        recheck: Read all inputs, also those that look unchanged.
    """
    task = Digest(limits, partition_bytes)
    sources = {name: task.key(source) for name, source in {source.name: source for source, _ in items}.items()}
    units = [unit_key(sources[source.name], unit) for source, unit in items]
    digests = KnownDigests.read(engine.store)
    before = [None] * len(items) if recheck else digests.find(units)
    given = [(source, unit, known) for (source, unit), known in zip(items, before, strict=True)]
    cheap = [task.looked_at(*each) for each in given]
    missing = [each for each, known in zip(given, cheap, strict=True) if known is None]
    done = iter(engine.collect("inputs", task, missing, len(items) - len(missing)))
    found = [known or next(done) for known in cheap]
    digests.keep(engine.store, units, found)
    seen: Counter[tuple[str, str]] = Counter()
    inputs = []
    for (source, unit), known in zip(items, found, strict=True):
        inputs.append(Input(source, unit, known.digest, seen[source.name, known.digest]))
        seen[source.name, known.digest] += 1
    return inputs


@dataclass(frozen=True, eq=False)
class _Same:
    """A source as the key of a cache: equal to itself alone, since one source of a run has many units."""

    source: Source

    def __hash__(self) -> int:
        return id(self.source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.source is self.source


@lru_cache(maxsize=64)
def _of_source(same: _Same, limits: Limits, partition_bytes: int) -> tuple[list[Any], dict[str, Any]]:
    """What identifies the partitions of a source, but for the units: its stages and settings."""
    source = same.source
    settings = source.identity_body({"path", "pairs", "priority", "limit"})
    if source.filtered:
        settings["filtered"] = list(source.filtered)
    stages = [READ_VERSION, Validate(limits).identity(), partition_bytes]
    return [*stages, *decoding_identity(*source.modality.modalities)], settings


@dataclass(frozen=True)
class ReadUnit:
    """The task that reads one unit into committed partitions."""

    store: Store
    limits: Limits
    partition_bytes: int

    def key(self, item: Input) -> str:
        """Return the identity of the partitions, from the content, the selected columns, and the partition size.

        `limit` is left out: it selects units, and a unit of which only the head is read has a digest of its own.
        """
        stages, source = _of_source(_Same(item.source), self.limits, self.partition_bytes)
        members = [[printable(name) for name in files] for files in item.unit.members]
        return fingerprint("read", stages, source, item.base, item.unit.label, *([members] if members else []))

    def done(self, key: str) -> str:
        """Return the name of the file that marks the unit with a key as finished."""
        return part_name("read", key).removesuffix(".arrow") + ".done"

    def chunk(self, key: str, index: int) -> str:
        """Return the name of one of the partitions of the unit with a key."""
        return part_name("read", f"{key}-{index:05d}")

    def known(self, committed: CommittedParts, item: Input) -> list[Committed] | None:
        """Return the partitions of a unit that was read whole; None if one of them is missing."""
        key = self.key(item)
        mark = committed.get(self.done(key))
        if mark is None:
            return None
        count = json.loads(mark.summary)["partitions"]
        found = [committed.get(self.chunk(key, index)) for index in range(count)]
        parts = [part for part in found if part is not None]
        return parts if len(parts) == count else None

    def __call__(self, item: Input) -> WorkCount:
        """Read a whole unit; partitions that were committed before a kill are kept."""
        with limited_time(item.unit, self.limits.unit_seconds):
            return self._read(item)

    def _read(self, item: Input) -> WorkCount:
        reader = open_source(item.source, self.limits, self.partition_bytes)
        key, rows = self.key(item), 0
        committed: list[Committed] = []
        batches = reader.read(replace(item.unit, digest=item.digest))
        for batch in samples(batches, item.source, item.base, self.partition_bytes):
            name = self.chunk(key, len(committed))
            if self.store.exists(name):
                committed.append(read_header(self.store, name).committed(name))
            else:
                committed.append(commit(self.store, name, self.outcome(item, batch)))
            rows += batch.table.num_rows
        mark = Committed(self.done(key), canonical_json({"partitions": len(committed)}), 0)
        self.store.write(mark.name, mark.summary)
        return WorkCount(rows, 0, (mark, *committed))

    def outcome(self, item: Input, batch: RawBatch) -> Outcome:
        """Turn what a reader yielded into a partition of valid rows, with its drops and counts."""
        name, label, secrets = item.source.name, item.unit.label, secrets_of(item.source.path)
        table = self._raw(item, batch.table)
        lines = [(name, drop.file or label, drop.row, drop.reason, hide(drop.detail, secrets)) for drop in batch.drops]
        dropped = dropped_table("read", lines)
        if any(drop.count is not None for drop in batch.drops):
            dropped = dropped.append_column(ROWS, pa.array([drop.count for drop in batch.drops], ROWS.type))
        reasons: Counter[str] = Counter()
        for drop in batch.drops:
            reasons[drop.reason] += drop.rows
        rows = table.num_rows
        tally = Tally(
            stage="read", source=name, rows_in=rows + reasons.total(), kept=rows, dropped=dict(sorted(reasons.items()))
        )
        clean = Validate(self.limits).run(table)
        tallies = [tally, *count_rows("normalise", table, clean)]
        kept = add_content(clean.table)
        note = {"text_bytes": pc.sum(pc.binary_length(clean.table["text"])).as_py() or 0, "source": name}
        return Outcome(kept, bounded(join_dropped([dropped, clean.dropped]), self.limits.ledger_rows), tallies, note)

    def _raw(self, item: Input, table: pa.Table) -> pa.Table:
        constants = {"source": item.source.name, "kind": str(item.source.modality), "file": item.unit.label}
        columns = {name: pa.repeat(pa.scalar(value), len(table)) for name, value in constants.items()}
        columns |= {name: table[name] for name in table.column_names}
        if "license" in columns:
            trimmed = pc.utf8_trim_whitespace(columns["license"])
            columns["license"] = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
        if item.source.keep:
            columns["kept"] = json_object([(each, columns[column_field(each)]) for each in item.source.keep])
        filtered = [pa.field(column_field(each), pa.string()) for each in item.source.filtered]
        schema = pa.schema([field for field in (*RAW, KEPT, *filtered) if field.name in columns])
        return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def read_steps(store: Store, inputs: Sequence[Input], limits: Limits, partition_bytes: int) -> dict[str, Read]:
    """Describe how all units are read: a step for each source, in the order of the units."""
    task = ReadUnit(store, limits, partition_bytes)
    items: dict[str, list[Input]] = {}
    for item in inputs:
        items.setdefault(item.source.name, []).append(item)
    return {name: Read(task, mine) for name, mine in items.items()}
