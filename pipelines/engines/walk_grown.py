"""The part of the driver's walk that carries out a shuffle whose tables are put together first (grown.py)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ...schemas.storage.store import Store
from .chain import RunOnce, Work
from .committed_steps import CommittedSteps
from .grown import GrownShuffle, ScatterTogether
from .ledger_of_steps import LedgerOfSteps
from .partition import Committed, Partition
from .steps import Map, Place, Shuffle, Step
from .walk_state import State, Task, in_order


class GrownShuffles(ABC):
    """What a walk does for these shuffles, by what it does for all steps."""

    committed: CommittedSteps
    states: dict[Step, State]
    _store: Store
    _ledger: LedgerOfSteps

    @abstractmethod
    def hand_out(self, task: Task, work: Work) -> None:
        """Add a task that is ready."""

    @abstractmethod
    def go_on(self, step: Map | Shuffle, source: Step, place: Place, part: Partition) -> None:
        """Continue with a partition at a step, past what is committed."""

    @abstractmethod
    def finish(
        self, step: Map | Shuffle, source: Step, place: Place, part: Partition, committed: Committed
    ) -> Partition:
        """Take what a step committed for a partition; returns the reference to it."""

    @abstractmethod
    def give(self, step: Step, place: Place, part: Partition) -> None:
        """Pass a partition of a step on to the steps that take from it."""

    def put_together(self, step: Shuffle, parts: Sequence[Partition]) -> None:
        """Scatter the partitions of a shuffle, given in order, several at a time."""
        self.states[step].grown = True
        grown = GrownShuffle(self._store, step)
        task, source = RunOnce(ScatterTogether(self._store, grown.first)), step.sources[0]
        for number, (name, together) in enumerate(grown.tables(parts)):
            known = self.committed.parts(grown.first.name).get(name)
            if known is None:
                self.hand_out(Task((step,), source, (number,), together[0]), Work(task, (name, together)))
            else:
                self._ledger.reuse(step)
                self.finish(step, source, (number,), together[0], known)

    def scatter_again(self, step: Shuffle, grown: GrownShuffle) -> bool:
        """True when the second round of a shuffle has given its buckets; else it is being made."""
        state = self.states[step]
        if not state.again:
            state.again = True
            first, state.scattered = in_order(step, state.scattered), []
            for place, part in grown.second(first):
                self.go_on(step, step.sources[0], place, part)
            if state.running:
                return False
        made: dict[int, list[Partition]] = {}
        for _, (bucket, _), part in sorted(state.scattered, key=lambda each: each[1]):
            made.setdefault(bucket, []).append(part)
        state.scattered = []
        for bucket in list(made):
            for number, part in grown.last(bucket, made.pop(bucket)):
                if part.rows:
                    self.give(step, (number,), part)
        return True
