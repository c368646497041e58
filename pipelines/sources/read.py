"""The first stage: units of the sources to partitions of raw rows, normalised on the way.

A unit is read as a stream and cut into partitions by bytes; each is committed by itself, and a small file says
when the unit is through. Rows get their ids here: a function of source name, content and row, never of a path.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ...schemas.config.run import Limits, RunConfig
from ...schemas.config.sources import Source
from ...schemas.dataset.ledger import Tally
from ...schemas.dataset.tables import RAW
from ...schemas.identity import canonical_json, fingerprint
from ...schemas.storage.store import WORK, Store
from ..engines.base import Engine
from ..engines.partition import Outcome, Partition, commit, count_rows, dropped_table
from ..engines.stage import WorkCount, part_name
from .base import RawBatch, Unit
from .registry import open_source
from .validate import Validate

READ_VERSION = 1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def row_ids(base: str, rows: np.ndarray) -> pa.Array:
    """Stable 128-bit ids of a file's rows: `base` is its hash; SplitMix64 of (half + row) makes each half.

    SplitMix64 is a bijection (Steele, Lea and Flood 2014), so rows of one file never share an id.
    """
    halves = np.frombuffer(xxhash.xxh3_128_digest(base.encode()), "<u8")
    with np.errstate(over="ignore"):
        state = halves[None, :] + (rows.astype(np.uint64)[:, None] + np.uint64(1)) * _GOLDEN
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(state.tobytes())])


@dataclass(frozen=True)
class Input:
    """A unit of a source, and what identifies its content among all units of that source."""

    source: Source
    unit: Unit
    digest: str
    copy: int  # 0 for the first unit with this content, then 1, 2, …

    @property
    def base(self) -> str:
        """What the ids of its rows are made from."""
        return fingerprint(self.source.name, self.digest, self.copy)


@dataclass(frozen=True)
class Digest:
    """The task that hashes a unit's content."""

    limits: Limits
    partition_bytes: int

    def __call__(self, item: tuple[Source, Unit]) -> str:
        """The digest of one unit."""
        source, unit = item
        return open_source(source, self.limits, self.partition_bytes).digest(unit)


def find_units(config: RunConfig) -> list[tuple[Source, Unit]]:
    """Every unit of every source, in the order of the run file; raises Refusal on what cannot be found."""
    return [
        (source, unit)
        for source in (*config.sources, *config.decontaminate)
        for unit in open_source(source, config.limits, config.partition_bytes).units()
    ]


def identify(engine: Engine, items: Sequence[tuple[Source, Unit]], config: RunConfig) -> list[Input]:
    """The units with their digests; every byte of the inputs is read once for it."""
    digests = engine.collect("inputs", Digest(config.limits, config.partition_bytes), items)
    seen: Counter[tuple[str, str]] = Counter()
    inputs = []
    for (source, unit), digest in zip(items, digests, strict=True):
        inputs.append(Input(source, unit, digest, seen[source.name, digest]))
        seen[source.name, digest] += 1
    return inputs


@dataclass(frozen=True)
class ReadUnit:
    """The task that turns one unit into committed partitions."""

    store: Store
    limits: Limits
    partition_bytes: int

    def key(self, item: Input) -> str:
        """Identity of the partitions: of the content, the columns wanted, and the rules for cutting."""
        source = item.source.model_dump(mode="json", exclude={"path", "pairs", "priority"})
        stages = [READ_VERSION, Validate(self.limits).identity(), self.partition_bytes]
        return fingerprint("read", stages, source, item.base, item.unit.label)

    def done(self, item: Input) -> str:
        """The file that says that the unit is through."""
        return part_name("read", self.key(item)).removesuffix(".arrow") + ".done"

    def chunk(self, item: Input, index: int) -> str:
        """The name of one of the unit's partitions."""
        return part_name("read", f"{self.key(item)}-{index:05d}")

    def __call__(self, item: Input) -> WorkCount:
        """Read one unit to its end; what of it was committed before a kill stays as it is."""
        reader = open_source(item.source, self.limits, self.partition_bytes)
        count = rows = 0
        for batch in reader.read(replace(item.unit, digest=item.digest)):
            name = self.chunk(item, count)
            if not self.store.exists(name):
                commit(self.store, name, self._outcome(item, batch))
            count += 1
            rows += batch.table.num_rows
        self.store.write(self.done(item), canonical_json({"partitions": count}))
        return WorkCount(rows, 0)

    def _outcome(self, item: Input, batch: RawBatch) -> Outcome:
        name, label = item.source.name, item.unit.label
        table = self._raw(item, batch.table)
        lines = [(name, label, drop.row, drop.reason, drop.detail) for drop in batch.drops]
        dropped = dropped_table("read", lines)
        reasons = dict(sorted(Counter(drop.reason for drop in batch.drops).items()))
        rows = table.num_rows
        tally = Tally(stage="read", source=name, rows_in=rows + len(batch.drops), kept=rows, dropped=reasons)
        clean = Validate(self.limits).run(table)
        tallies = [tally, *count_rows("normalise", table, clean)]
        note = {"text_bytes": pc.sum(pc.binary_length(clean.table["text"])).as_py() or 0, "source": name}
        return Outcome(clean.table, pa.concat_tables([dropped, clean.dropped]), tallies, note)

    def _raw(self, item: Input, table: pa.Table) -> pa.Table:
        rows = table["row"].to_numpy()
        constants = {"source": item.source.name, "kind": str(item.source.modality), "file": item.unit.label}
        columns = {"id": row_ids(item.base, rows)}
        columns |= {name: pa.repeat(pa.scalar(value), len(rows)) for name, value in constants.items()}
        columns |= {name: table[name] for name in table.column_names}
        if "license" in columns:
            trimmed = pc.utf8_trim_whitespace(columns["license"])
            columns["license"] = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
        schema = pa.schema([field for field in RAW if field.name in columns])
        return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def read(engine: Engine, inputs: Sequence[Input], config: RunConfig) -> dict[str, list[Partition]]:
    """Partitions of raw rows by source, in the order of units and rows; units already through are not read."""
    task = ReadUnit(engine.store, config.limits, config.partition_bytes)
    there = set(engine.store.names(f"{WORK}/read"))
    missing = [item for item in inputs if task.done(item) not in there]
    engine.collect("read", task, missing, len(inputs) - len(missing))
    parts: dict[str, list[Partition]] = {item.source.name: [] for item in inputs}
    for item in inputs:
        count = json.loads(engine.store.read(task.done(item)))["partitions"]
        for index in range(count):
            key = f"{task.key(item)}-{index:05d}"
            parts[item.source.name].append(engine.refer(key, task.chunk(item, index)))
    return {name: [part for part in group if part.rows] for name, group in parts.items()}
