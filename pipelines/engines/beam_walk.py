"""The walk through a description whose rest one Beam pipeline carries out.

The walk first goes past everything that is committed. What is left is put into the pipeline, and the walk then takes
its results in any order: one that comes before the results that it follows from is kept until then.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from .chain import Work
from .partition import Partition, key_of
from .stage import WorkCount
from .steps import Place, Shuffle, Step
from .walk import Walk
from .walk_state import Task


class Event(NamedTuple):
    """Results of one task of a pipeline."""

    step: int  # number of the first step that the task carries out, in the description
    place: Place
    results: Sequence[WorkCount]
    process: str
    peak_bytes: int


class BeamWalk(Walk):
    """Collects the tasks that are ready at first by their first step, and then takes events."""

    def __init__(self, *arguments: Any) -> None:
        self.ready: dict[Step, list[tuple[Place, Any]]] = defaultdict(list)
        self.buckets: dict[Shuffle, set[int]] = defaultdict(set)  # those that are there
        self._given_rows: dict[Shuffle, int] = defaultdict(int)
        self._wanted_rows: dict[Shuffle, int] = {}
        self._numbers: dict[tuple[Step, Place], int] = {}
        self._early: dict[tuple[Step, Place], Event] = {}
        self._building = True
        super().__init__(*arguments)

    def begin(self) -> None:
        """Go past what is committed; buckets of a shuffle that was interrupted are used."""
        for step in self.description.steps:
            if isinstance(step, Shuffle) and not super().scatters_at_once(step):
                for bucket, part in enumerate(self.committed.buckets(step)):
                    if part is not None:
                        self._ledger.reuse(step)
                        self._arrived(step, bucket, part)
        super().begin()
        self._building = False

    def take(self, event: Event) -> None:
        """Take the results of a task of the pipeline."""
        step = self.description.steps[event.step]
        if isinstance(step, Shuffle):
            self._regrouped_in_pipeline(step, event)
        elif (step, event.place) in self._numbers:
            number = self._numbers.pop((step, event.place))
            self.done(number, event.results, event.process, event.peak_bytes)
        else:
            self._early[step, event.place] = event

    def missing(self) -> int:
        """Return the number of tasks of which no result came, and of shuffles that are not complete."""
        incomplete = [step for step in self.unfinished() if isinstance(step, Shuffle)]
        return len(self._numbers) + len(incomplete)

    def hand_out(self, task: Task, work: Work) -> None:
        """Add a task to the pipeline or, once that runs, look out for its results."""
        super().hand_out(task, work)
        ((number, _),) = self.todo.take()
        at = task.steps[0], task.place
        self._numbers[at] = number
        if self._building:
            self.ready[task.steps[0]].append((task.place, work.item))
        elif at in self._early:
            self.take(self._early.pop(at))

    def scatters_at_once(self, step: Shuffle) -> bool:
        """Never: the pipeline groups the rows."""
        return False

    def regroup(self, step: Shuffle) -> None:
        """Wait for the buckets from the pipeline, unless another engine has scattered every partition."""
        waiting = self.states[step].waiting
        rows = sum(part.rows for *_, part in waiting)
        if self._given_rows[step] == rows:
            return
        names = [step.name_for(part) for *_, part in waiting]
        parts = self.committed.parts(step.stage.name)
        if self._building and parts.names.issuperset(names):
            for (source, place, _), name in zip(waiting, names, strict=True):
                self._ledger.reuse(step)
                committed = parts.get(name)
                assert committed is not None
                self.states[step].scattered.append((source, place, committed.reference(key_of(name))))
            self.states[step].waiting = []
            return
        self._wanted_rows[step] = rows
        self.states[step].running += 1

    def give_buckets(self, step: Shuffle, parts: Sequence[Partition]) -> None:
        """Pass on those buckets that were not there before."""
        self.states[step].scattered = []
        for bucket, part in enumerate(parts):
            if part.rows and bucket not in self.buckets[step]:
                self.give(step, (bucket,), part)

    def _take_buckets(self, step: Shuffle) -> bool:
        return False

    def _regrouped_in_pipeline(self, step: Shuffle, event: Event) -> None:
        (bucket,), (work,) = event.place, event.results
        if bucket in self.buckets[step]:
            return
        (committed,) = work.committed
        self._index.add(work.committed)
        self._ledger.expect((step,))
        self._ledger.advance(step, work, event.process, event.peak_bytes)
        self._arrived(step, bucket, step.bucket(key_of(committed.name), committed))
        if self._given_rows[step] == self._wanted_rows.get(step):
            self.states[step].running -= 1
            self.settle(step)

    def _arrived(self, step: Shuffle, bucket: int, part: Partition) -> None:
        self.buckets[step].add(bucket)
        self._given_rows[step] += part.rows
        self.give(step, (bucket,), part)
