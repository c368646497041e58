"""Cleaning of the rows before tokenization: drop taken-down documents -> filter -> deduplicate -> decontaminate.

Filters come first. Otherwise, a row that survives deduplication might be dropped by a filter, although some of its
duplicates would have passed the filter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..schemas.config.run import RunConfig
from ..schemas.config.sources import Source
from ..schemas.dataset.decontamination import BenchmarkReport
from ..schemas.dataset.duplicates import DuplicateReport
from .decontaminate.decontaminate import Decontaminate, decontaminate, index_steps, reports
from .dedup.deduplicate import RoundResult, deduplicate, rounds
from .dedup.report import report
from .engines.base import Engine
from .engines.partition import Partition
from .engines.steps import Given, Map, Step
from .filters.apply import filter_step
from .filters.taken_down import DropTakenDown, ids_to_drop, require_all_dropped

Parts = Mapping[str, Sequence[Partition]]


@dataclass(frozen=True)
class Selected:
    """What is left after takedowns and filters, and what the evaluation sets hold."""

    rows: dict[str, list[Partition]]  # by source
    held_out: dict[str, int]  # rows by evaluation set
    decontaminate: Decontaminate | None  # None without evaluation sets


@dataclass(frozen=True)
class Cleaned:
    """Results of cleaning for the manifest: duplicates, their clusters as Parquet, and hits by evaluation set."""

    dedup: tuple[DuplicateReport, ...]
    duplicates: bytes
    decontamination: tuple[BenchmarkReport, ...]


def select(engine: Engine, config: RunConfig, raw: Mapping[str, Step]) -> Selected:
    """Read the rows, drop what was taken down and what the filters drop, and index the evaluation sets.

    Args:
        engine: Carries out the steps.
        config: The run file.
        raw: Step with the rows of each source and each evaluation set.

    Raises:
        Refusal: A document that was taken down is not in the sources.
    """
    sources, sets, limits = config.sources, config.decontaminate, config.limits
    raw = {source.name: raw.get(source.name, Given(())) for source in (*sources, *sets)}
    ids = ids_to_drop(engine.store)
    rows: dict[str, Step] = {source.name: raw[source.name] for source in sources}
    if ids:
        rows = {name: Map(DropTakenDown(ids), step, masks=True) for name, step in rows.items()}
    left = {source.name: filter_step(rows[source.name], source, config.filters, limits) for source in sources}
    near = config.dedup.image.near if config.dedup.image else None
    indices = index_steps(sets, {source.name: raw[source.name] for source in sets}, near, limits)
    found = engine.run([*raw.values(), *rows.values(), *left.values(), *indices.values()])
    if ids:
        before, after = (sum(part.rows for name in rows for part in found[steps[name]]) for steps in (raw, rows))
        require_all_dropped(engine.store, ids, before - after)
    return Selected(
        {name: _non_empty(found[step]) for name, step in left.items()},
        {source.name: sum(part.rows for part in found[raw[source.name]]) for source in sets},
        decontaminate(engine.store, indices, found) if sets else None,
    )


def clean(engine: Engine, config: RunConfig, selected: Selected) -> tuple[dict[str, list[Partition]], Cleaned]:
    """Drop duplicates and what is in evaluation sets.

    Args:
        engine: Carries out the steps, those of each turn of comparisons in one go.
        config: The run file.
        selected: The rows.

    Returns:
        Partitions of the remaining rows by source, and what was found.
    """
    rows, dedup, limits = dict(selected.rows), config.dedup, config.limits
    results: list[RoundResult] = []
    notes = []
    turns = rounds(config.sources, dedup) or [{}]
    for turn in turns:
        steps = [deduplicate(engine.store, this, sources, rows, dedup, limits) for this, sources in turn.items()]
        left: dict[str, Step] = {name: Given(parts) for name, parts in rows.items()}
        for each in steps:
            left |= each.left
        wanted = [each.duplicates for each in steps] + [step for each in steps for step in each.left.values()]
        if turn is turns[-1] and selected.decontaminate:
            left = {name: Map(selected.decontaminate, step, masks=True) for name, step in left.items()}
        found = engine.run([*wanted, *left.values()])
        rows = {name: _non_empty(found[step]) for name, step in left.items()}
        notes = [part.note for step in left.values() for part in found[step]]
        results += [each.result(found) for each in steps]
    summaries, clusters = report(engine, results, dedup, limits)
    sets: Sequence[Source] = config.decontaminate
    return rows, Cleaned(summaries, clusters, reports(sets, selected.held_out, notes))


def _non_empty(parts: Sequence[Partition]) -> list[Partition]:
    return [part for part in parts if part.rows]
