"""Cleaning of the rows before tokenization: drop taken-down documents -> filter -> deduplicate -> decontaminate.

Filters come first. Otherwise, a row that survives deduplication might be dropped by a filter, although some of its
duplicates would have passed the filter.
"""

from collections.abc import Mapping, Sequence

from ..schemas.config.run import RunConfig
from .decontaminate.decontaminate import decontaminate
from .dedup.deduplicate import deduplicate
from .dedup.report import report
from .engines.base import Engine
from .engines.partition import Partition
from .filters.apply import filter_rows
from .filters.taken_down import drop_taken_down
from .publish import Cleaned


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
    held_out = {source.name: raw[source.name] for source in config.decontaminate}
    rows = filter_rows(engine, config, drop_taken_down(engine, config, raw))
    rows, results = deduplicate(engine, config, rows)
    reports, clusters = report(engine, config, results)
    rows, hits = decontaminate(engine, config, rows, held_out)
    return rows, Cleaned(reports, clusters, hits)
