"""What a walk through a description knows of each step, and of each task that it handed out."""

from dataclasses import dataclass, field

from .partition import Partition
from .steps import Place, Step

Waiting = tuple[Step, Place, Partition]  # a partition, and the step that gave it


@dataclass
class State:
    """How far a step is."""

    parts: dict[Place, Partition] = field(default_factory=dict)  # those that somebody will ask for
    waiting: list[Waiting] = field(default_factory=list)
    scattered: list[Waiting] = field(default_factory=list)
    running: int = 0
    begun: bool = False  # a gathering, or a shuffle that waited for all its partitions
    closed: bool = False


@dataclass
class Task:
    """A task that was handed out: a step, or the steps of a chain."""

    steps: tuple[Step, ...]
    source: Step | None
    place: Place
    part: Partition | None  # for a chain
