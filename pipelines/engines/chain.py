"""The task of an engine on one partition: stages one after another, each committed on its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ...schemas.storage.store import Store
from .partition import Partition, key_of, read_header
from .row_mask import RowMask, masked
from .shuffle import buckets
from .stage import RunStage, Stage, WorkCount, part_key, part_name
from .steps import Map, Shuffle


class Work(NamedTuple):
    """A call that a worker makes; its results are what it committed."""

    task: Callable[[Any], Sequence[WorkCount]]
    item: Any


def carry_out(work: Work) -> Sequence[WorkCount]:
    """Run a task on its item."""
    return work.task(work.item)


def unless_committed(items: Sequence[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Return numbered items of a group that is about to be done, one after another.

    If the result of the first is committed, a worker was lost during this group. The others then look for theirs, too,
    which costs a request each.
    """
    first = items[0][1]
    if not (isinstance(first, Work) and isinstance(first.task, RunChain) and first.task.begun(first.item)):
        return list(items)
    return [(number, Work(replace(work.task, looks=True), work.item)) for number, work in items]


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
    looks: bool = False  # whether results may be committed already, so that it looks for them first

    @classmethod
    def of(
        cls, store: Store, steps: Sequence[Map | Shuffle], ledger_rows: int | None, looks: bool = False
    ) -> "RunChain":
        """Create the task of some steps."""
        links = (Link(step.stage, isinstance(step, Map) and step.masks) for step in steps)
        return cls(store, tuple(links), ledger_rows, looks)

    def __call__(self, part: Partition) -> list[WorkCount]:
        """Return what each stage committed; the list is shorter when no row was left before the last stage."""
        return [work for work, _ in self.results(part)]

    def begun(self, part: Partition) -> bool:
        """True if the first stage is committed for a partition."""
        return self._committed(self.links[0].stage, part) is not None

    def results(self, part: Partition) -> list[tuple[WorkCount, Partition]]:
        """Return what each stage committed, with the reference to it."""
        done = []
        for stage, masks in self.links:
            work = self._committed(stage, part) if self.looks else None
            work = work or RunStage(self.store, RowMask(stage) if masks else stage, self.ledger_rows)(part)
            (committed,) = work.committed
            result = committed.reference(key_of(committed.name))
            part = masked(part, result) if masks else result
            done.append((work, part))
            if not part.rows:
                break
        return done

    def _committed(self, stage: Stage, part: Partition) -> WorkCount | None:
        name = part_name(stage.name, part_key(stage, part))
        if not self.store.exists(name):
            return None
        return WorkCount(0, 0, (read_header(self.store, name).committed(name),))


@dataclass(frozen=True)
class RunOnce:
    """Wraps a task of which the result is that of a single step."""

    task: Callable[..., WorkCount]

    def __call__(self, item: Any) -> list[WorkCount]:
        """Run the task on its arguments."""
        return [self.task(*item)]


def spread(store: Store, gathered: Partition, keys: Sequence[str]) -> list[Partition]:
    """Return the buckets of the result of a gathering, whose note lists them as that of a scattered part does."""
    return buckets(store, [gathered], keys, None)
