"""Single steps of a description, carried out by an engine."""

from collections.abc import Sequence

from triptych.pipelines.engines.base import Engine
from triptych.pipelines.engines.partition import Partition
from triptych.pipelines.engines.stage import Stage
from triptych.pipelines.engines.steps import Given, Map, Shuffle


def mapped(engine: Engine, stage: Stage, parts: Sequence[Partition], *, masks: bool = False) -> list[Partition]:
    """What a stage makes of some partitions."""
    step = Map(stage, Given(parts), masks)
    return engine.run([step])[step]


def shuffled(engine: Engine, parts: Sequence[Partition], by: str, into: int) -> list[Partition]:
    """The buckets of a shuffle that hold rows, in their order."""
    step = Shuffle((Given(parts),), by, into)
    return engine.run([step])[step]
