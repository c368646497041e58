"""The stage that applies the filters of the run file; the name of a filter is the reason of the rows it drops."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from ...schemas.config.filters.union import AnyFilter
from ...schemas.config.run import Limits
from ...schemas.config.sources import Source
from ...schemas.dataset.tables import DROPPED
from ...tokenizers.decoding import decoding_identity
from ..engines.partition import Outcome, drop_rows, join_dropped
from ..engines.steps import Map, Step
from .registry import filter_function, identity_of, modality_of, reason_of

FILTER_VERSION = 1


@dataclass(frozen=True)
class Filters:
    """Applies filters in the order of the run file, each to the rows that the previous ones kept."""

    filters: tuple[AnyFilter, ...]
    limits: Limits
    name: str = "filter"
    counted: bool = True

    def identity(self) -> list[object]:
        """Version, the filters' settings, limits and decoders."""
        body = [FILTER_VERSION, [identity_of(config) for config in self.filters], self.limits.identity_body()]
        return body + decoding_identity(*(modality_of(config) for config in self.filters))

    def run(self, table: pa.Table) -> Outcome:
        """Keep the rows of a RAW table that no filter drops; the first filter that drops a row is the reason."""
        kept, dropped = table, [DROPPED.empty_table()]
        for config in self.filters:
            reasons: dict[int, tuple[str, str]] = {}
            for row, detail in filter_function(config)(config, kept, self.limits):
                reasons.setdefault(row, (reason_of(config), detail))
            kept, lines = drop_rows(self.name, kept, reasons)
            dropped.append(lines)
        return Outcome(kept, join_dropped(dropped))


def filters_of(source: Source, filters: Sequence[AnyFilter]) -> tuple[AnyFilter, ...]:
    """Return the filters of a source: those that need one of its modalities and do not exclude it."""
    return tuple(
        config
        for config in filters
        if modality_of(config) in source.modality.modalities
        and (config.sources is None or source.name in config.sources)
    )


def filter_step(rows: Step, source: Source, filters: Sequence[AnyFilter], limits: Limits) -> Step:
    """Describe the filters of a source; without any, its rows stay as they are."""
    mine = filters_of(source, filters)
    return Map(Filters(mine, limits), rows, masks=True) if mine else rows
