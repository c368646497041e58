"""What a walk through a description knows of each step, and of each task that it handed out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .partition import Partition
from .steps import Place, Shuffle, Step

Waiting = tuple[Step, Place, Partition]  # a partition, and the step that gave it


@dataclass
class State:
    """How far a step is."""

    parts: dict[Place, Partition] = field(default_factory=dict)  # those that somebody will ask for
    waiting: list[Waiting] = field(default_factory=list)
    scattered: list[Waiting] = field(default_factory=list)
    running: int = 0
    begun: bool = False  # a gathering, or a shuffle that waited for all its partitions
    grown: bool = False  # a shuffle whose tables were put together
    again: bool = False  # that is in its second round
    closed: bool = False


@dataclass
class Task:
    """A task that was handed out: a step, or the steps of a chain."""

    steps: tuple[Step, ...]
    source: Step | None
    place: Place
    part: Partition | None  # for a chain


def in_order(step: Shuffle, given: Sequence[Waiting]) -> list[Partition]:
    """Return what the sources of a shuffle gave, by source and then by place, whatever came first."""
    order = {source: number for number, source in enumerate(step.sources)}
    return [part for *_, part in sorted(given, key=lambda each: (order[each[0]], each[1]))]
