"""What the driver keeps of packed shards: a line for each, and the sums of their statistics."""

from collections.abc import Mapping
from typing import Any

from ...schemas.dataset.statistics import Statistics, StatisticsSum


class PackedStatistics:
    """Adds up the statistics of shards as these are packed: those of one may be some hundred kilobytes."""

    def __init__(self) -> None:
        self._sum = StatisticsSum()

    def __call__(self, note: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add those in the note of a shard; returns the note without them."""
        self._sum.add(Statistics.model_validate(note["statistics"]))
        return {name: value for name, value in note.items() if name != "statistics"}

    def statistics(self) -> Statistics:
        """The sums so far."""
        return self._sum.statistics()
