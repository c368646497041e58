"""Decontamination: removes samples of the evaluation sets from the corpora.

Evaluation sets are read like sources and have their own lines in the ledger. A row is dropped when any of its
modalities is found in any set: its text by n-grams, its image or clip as a near duplicate.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from ...schemas.config.dedup import NearImage
from ...schemas.config.run import Limits
from ...schemas.config.sources import Source
from ...schemas.dataset.decontamination import BenchmarkReport, Hit
from ...schemas.dataset.tables import DROPPED
from ...schemas.storage.store import Store
from ...schemas.vocabulary import Modality
from ..engines.partition import Outcome, Partition, drop_rows, load
from ..engines.steps import Map, Step
from .match import Match, match_of

DECONTAMINATE_VERSION = 1
REASON = "in_evaluation_set"
EXAMPLES = 5  # hits kept per part, and hits listed per set in the report

Results = Mapping[Step, Sequence[Partition]]


@dataclass(frozen=True)
class Index:
    """Builds the index of one modality of an evaluation set, part by part."""

    match: Match
    counted: bool = False

    @property
    def name(self) -> str:
        """Name of the stage; each modality has its own folder of parts."""
        return f"held-out-{self.match.modality.name.lower()}"

    def identity(self) -> list[Any]:
        """Version and how values are compared."""
        return [DECONTAMINATE_VERSION, self.match.identity()]

    def run(self, table: pa.Table) -> Outcome:
        """Return only the index; nothing is dropped."""
        return Outcome(self.match.index(table[self.match.modality.name.lower()]), DROPPED.empty_table())


@dataclass(frozen=True)
class HeldOut:
    """The index of an evaluation set for one modality."""

    benchmark: str
    match: Match
    parts: tuple[Partition, ...]


@dataclass(frozen=True)
class Decontaminate:
    """Drops rows that occur in an evaluation set; sets are tried in the order of the run file."""

    store: Store
    held_out: tuple[HeldOut, ...]
    name: str = "decontaminate"
    counted: bool = True

    def identity(self) -> list[Any]:
        """Version and the keys of the indices."""
        indices = [[held.benchmark, held.match.modality.name, [p.key for p in held.parts]] for held in self.held_out]
        return [DECONTAMINATE_VERSION, indices]

    def run(self, table: pa.Table) -> Outcome:
        """Drop the rows with a hit; the note counts hits by set and modality, at most one per row."""
        found: dict[int, tuple[HeldOut, str]] = {}
        for held in self.held_out:
            column = held.match.modality.name.lower()
            if column in table.column_names and held.parts:
                for row, shared in held.match.hits(table[column], _index(self.store, _pieces(held.parts))):
                    found.setdefault(row, (held, shared))
        reasons = {row: (REASON, _detail(held, shared)) for row, (held, shared) in found.items()}
        kept, dropped = drop_rows(self.name, table, reasons)
        hits = [
            {"benchmark": held.benchmark, "modality": held.match.modality.name.lower(), "detail": _detail(held, shared)}
            | {name: table[name][row].as_py() for name in ("source", "file", "row")}
            for row, (held, shared) in sorted(found.items())
        ]
        counts = Counter((hit["benchmark"], hit["source"], hit["modality"]) for hit in hits)
        note = {"hits": [[*key, count] for key, count in sorted(counts.items())], "examples": hits[:EXAMPLES]}
        return Outcome(kept, dropped, note=note)


def _detail(held: HeldOut, shared: str) -> str:
    return f"{held.benchmark}, {held.match.modality.name.lower()}" + (f": {shared}" if shared else "")


Pieces = tuple[tuple[str, int | None], ...]


def _pieces(parts: Sequence[Partition]) -> Pieces:
    return tuple(piece for part in parts for piece in part.pieces)


@lru_cache(maxsize=64)
def _index(store: Store, pieces: Pieces) -> pa.Table:
    """Load an index into memory, once per process."""
    return load(store, Partition("", pieces, 0))


def index_steps(
    sets: Sequence[Source], held_out: Mapping[str, Step], near: NearImage | None, limits: Limits
) -> dict[tuple[str, Modality], Map]:
    """Describe the indices of the evaluation sets.

    Args:
        sets: The evaluation sets, in the order of the run file.
        held_out: Step with the rows of each set.
        near: How images are compared; None: by the defaults.
        limits: Limits for decoding images and audio.

    Returns:
        (set, modality) -> step with the parts of the index.
    """
    return {
        (source.name, modality): Map(Index(match_of(modality, near, limits)), held_out[source.name])
        for source in sets
        for modality in source.modality.modalities
    }


def decontaminate(store: Store, indices: Mapping[tuple[str, Modality], Map], found: Results) -> Decontaminate:
    """Return the stage that drops what is in evaluation sets, once their indices are there.

    Args:
        store: Where the indices are.
        indices: What `index_steps` described.
        found: The partitions of these steps.
    """
    held_out = []
    for (name, _), step in indices.items():
        assert isinstance(step.stage, Index)
        held_out.append(HeldOut(name, step.stage.match, tuple(part for part in found[step] if part.rows)))
    return Decontaminate(store, tuple(held_out))


def reports(
    sets: Sequence[Source], held_out: Mapping[str, int], notes: Sequence[Mapping[str, Any]]
) -> tuple[BenchmarkReport, ...]:
    """Report on each evaluation set.

    Args:
        sets: The evaluation sets, in the order of the run file.
        held_out: Rows of each set.
        notes: Notes of the partitions that `Decontaminate` left, in their order.
    """
    return tuple(_report(source.name, held_out[source.name], notes) for source in sets)


def _report(benchmark: str, rows: int, notes: Sequence[Mapping[str, Any]]) -> BenchmarkReport:
    hits: dict[str, Counter[str]] = {}
    for name, source, modality, count in (hit for note in notes for hit in note["hits"]):
        if name == benchmark:
            hits.setdefault(source, Counter())[modality] += count
    mine = [hit for note in notes for hit in note["examples"] if hit["benchmark"] == benchmark]
    examples = [Hit(**{name: hit[name] for name in Hit.model_fields}) for hit in mine[:EXAMPLES]]
    return BenchmarkReport(
        name=benchmark,
        rows=rows,
        hits={source: dict(sorted(counts.items())) for source, counts in sorted(hits.items())},
        examples=tuple(examples),
    )
