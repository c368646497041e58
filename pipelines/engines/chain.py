"""The task of an engine on one partition: stages one after another, each committed on its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ...schemas.storage.store import Store
from .partition import Partition
from .row_mask import RowMask, masked
from .stage import RunStage, Stage, WorkCount
from .steps import Map, Shuffle, key_of


class Work(NamedTuple):
    """A call that a worker makes; its results are what it committed."""

    task: Callable[[Any], Sequence[WorkCount]]
    item: Any


def carry_out(work: Work) -> Sequence[WorkCount]:
    """Run a task on its item."""
    return work.task(work.item)


class Link(NamedTuple):
    """A stage of a chain; True for one that only drops rows, so that its result is a mask."""

    stage: Stage
    masks: bool = False


@dataclass(frozen=True)
class RunChain:
    """Runs stages on a partition, each on the rows that the one before left, until none is left."""

    store: Store
    links: tuple[Link, ...]
    ledger_rows: int | None = None

    @classmethod
    def of(cls, store: Store, steps: Sequence[Map | Shuffle], ledger_rows: int | None) -> "RunChain":
        """Create the task of some steps."""
        links = (Link(step.stage, isinstance(step, Map) and step.masks) for step in steps)
        return cls(store, tuple(links), ledger_rows)

    def __call__(self, part: Partition) -> list[WorkCount]:
        """Return what each stage committed; the list is shorter when no row was left before the last stage."""
        return [work for work, _ in self.results(part)]

    def results(self, part: Partition) -> list[tuple[WorkCount, Partition]]:
        """Return what each stage committed, with the reference to it."""
        done = []
        for stage, masks in self.links:
            work = RunStage(self.store, RowMask(stage) if masks else stage, self.ledger_rows)(part)
            (committed,) = work.committed
            result = committed.reference(key_of(committed.name))
            part = masked(part, result) if masks else result
            done.append((work, part))
            if not part.rows:
                break
        return done


@dataclass(frozen=True)
class RunOnce:
    """Wraps a task of which the result is that of a single step."""

    task: Callable[..., WorkCount]

    def __call__(self, item: Any) -> list[WorkCount]:
        """Run the task on its arguments."""
        return [self.task(*item)]


def unsorted(part: Partition) -> Partition:
    """Return a partition whose rows may come in any order, as for a shuffle."""
    return replace(part, sort_by=None)
