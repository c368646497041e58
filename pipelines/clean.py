"""Cleaning of the rows before tokenization: drop taken-down documents -> filter -> deduplicate -> decontaminate.

Filters come first. Otherwise, a row that survives deduplication might be dropped by a filter, although some of its
duplicates would have passed the filter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..schemas.config.run import RunConfig
from ..schemas.dataset.decontamination import BenchmarkReport
from ..schemas.dataset.duplicates import DuplicateReport
from ..schemas.dataset.file_entry import FileEntry
from .decontaminate.decontaminate import decontaminate
from .dedup.deduplicate import deduplicate
from .dedup.report import report
from .engines.base import Engine
from .engines.partition import Partition
from .filters.apply import filter_rows
from .filters.taken_down import drop_taken_down


@dataclass(frozen=True)
class Cleaned:
    """Results of cleaning for the manifest: duplicates, the list of their clusters, and hits by evaluation set."""

    dedup: tuple[DuplicateReport, ...]
    duplicates: FileEntry
    decontamination: tuple[BenchmarkReport, ...]


def clean(
    engine: Engine, config: RunConfig, raw: Mapping[str, Sequence[Partition]]
) -> tuple[dict[str, list[Partition]], Cleaned]:
    """Clean the rows of all sources.

    Args:
        engine: Runs the stages.
        config: The run file.
        raw: Partitions by name of source or evaluation set.

    Returns:
        Partitions of the remaining rows by source, and what was found.
    """
    sources, sets, dedup, limits = config.sources, config.decontaminate, config.dedup, config.limits
    rows = drop_taken_down(engine, {source.name: raw[source.name] for source in sources})
    rows = filter_rows(engine, rows, sources, config.filters, limits)
    rows, results = deduplicate(engine, rows, sources, dedup, limits)
    reports, clusters = report(engine, results, dedup, limits)
    held_out = {source.name: raw[source.name] for source in sets}
    rows, hits = decontaminate(engine, rows, held_out, sets, dedup.image.near if dedup.image else None, limits)
    return rows, Cleaned(reports, clusters, hits)
