"""The walk of the driver through a description: which tasks are ready, and what follows from their results.

Each partition goes on as soon as its task is done; only a shuffle and a gathering wait for all partitions of the steps
that they take from. What is committed already is taken from the index and is no task.
"""

from collections import Counter
from collections.abc import Sequence

from ...schemas.storage.store import Store
from .chain import RunChain, RunOnce, Work, spread
from .commits import CommitIndex
from .committed_steps import CommittedSteps
from .grown import GrownShuffle, grows
from .ledger_of_steps import LedgerOfSteps
from .partition import Committed, Partition, key_of
from .shuffle import bucket_key, buckets
from .stage import WorkCount
from .steps import Description, Gather, Given, Map, Place, Read, Shuffle, Step
from .todo import Todo
from .walk_grown import GrownShuffles
from .walk_state import State, Task, in_order


class Walk(GrownShuffles):
    """Goes through one description.

    Args:
        store: Holds the partitions.
        index: The committed parts.
        ledger: Records the progress.
        description: The steps.
        ledger_rows: Dropped rows that a part lists a file and reason; None is all.
    """

    def __init__(
        self,
        store: Store,
        index: CommitIndex,
        ledger: LedgerOfSteps,
        description: Description,
        ledger_rows: int | None,
    ) -> None:
        self.todo: Todo[Work] = Todo()
        self.description = description
        self.committed = CommittedSteps(store, index)
        self.states: dict[Step, State] = {step: State() for step in description.steps}
        self._store, self._index, self._ledger, self._ledger_rows = store, index, ledger, ledger_rows
        self._tasks: dict[int, Task] = {}
        self._chains: dict[Step, tuple[tuple[Map | Shuffle, ...], RunChain]] = {}
        shuffles = [step for step in description.steps if isinstance(step, Shuffle)]
        # a corpus of many windows has a step for each
        self._open = Counter(step.label for step in description.steps if not isinstance(step, Given))
        self._at_once: dict[Step, bool] = {step: self.scatters_at_once(step) for step in shuffles}

    def begin(self) -> None:
        """Find the tasks that are ready at first."""
        for step in self.description.steps:
            if isinstance(step, Given):
                for place, part in enumerate(step.parts):
                    self.give(step, (place,), part)
            elif isinstance(step, Read):
                self._read(step)
        for step in self.description.steps:
            self.settle(step)

    def done(self, number: int, results: Sequence[WorkCount], process: str, peak_bytes: int) -> None:
        """Take the results of a task, and the peak memory of its process so far."""
        task = self._tasks.pop(number)
        source, part = task.source, task.part
        for step, work in zip(task.steps, results, strict=False):
            self._index.add(work.committed)
            self._ledger.advance(step, work, process, peak_bytes)
            if isinstance(step, Map | Shuffle):
                assert source is not None
                assert part is not None
                source, part = step, self.finish(step, source, task.place, part, *work.committed)
            elif isinstance(step, Read):
                self._found(step, task.place, work.committed)
            elif isinstance(step, Gather):
                self._gathered(step, work.committed)
        for step in task.steps:
            self.states[step].running -= 1
        for step in task.steps:
            self.settle(step)

    def results(self) -> dict[Step, list[Partition]]:
        """Return the partitions of the wanted steps, in the order of their places."""
        return {step: [part for _, part in sorted(self.states[step].parts.items())] for step in self.description.wanted}

    def unfinished(self) -> list[Step]:
        """Return the steps that are not through."""
        return [step for step in self.description.steps if not self.states[step].closed]

    # What an engine with a shuffle of its own does in another way

    def scatters_at_once(self, step: Shuffle) -> bool:
        """True unless tables are put together first, or another engine has committed buckets of this shuffle."""
        return not grows(step) and not self.committed.has_buckets(step)

    def regroup(self, step: Shuffle) -> None:
        """Scatter the partitions of a shuffle that waited for all of them."""
        waiting, self.states[step].waiting = self.states[step].waiting, []
        if grows(step):
            self.put_together(step, in_order(step, waiting))
            return
        for source, place, part in waiting:
            self.go_on(step, source, place, part)

    # The way of a partition

    def give(self, step: Step, place: Place, part: Partition) -> None:
        """Pass a partition of a step on to the steps that take from it."""
        takers = self.description.takers[step]
        if step in self.description.wanted or any(isinstance(t, Map) and t.beside is step for t in takers):
            self.states[step].parts[place] = part
        if not part.rows:
            return
        after = self._after(step)
        for taker in takers:
            plain = isinstance(taker, Map) and taker.beside is None
            if taker is after:
                continue  # the task goes on there by itself
            if isinstance(taker, Map | Shuffle) and (plain or self._at_once.get(taker)):
                self.go_on(taker, step, place, part)
            elif not (isinstance(taker, Map) and taker.beside is step):
                self.states[taker].waiting.append((step, place, part))

    def _after(self, step: Step) -> Map | Shuffle | None:
        return self.description.following(step, self._at_once.__getitem__)

    def go_on(self, step: Map | Shuffle, source: Step, place: Place, part: Partition) -> None:
        """Continue with a partition at a step, past what is committed."""
        at: Map | Shuffle | None = step
        while at is not None and part.rows:
            known = self.committed.parts(at.stage.name).get(at.name_for(part))
            if known is None:
                steps, task = self.chain(at)
                self.hand_out(Task(steps, source, place, part), Work(task, part))
                return
            self._ledger.reuse(at)
            part = self.finish(at, source, place, part, known)
            source, at = at, self._after(at)

    def chain(self, step: Map | Shuffle) -> tuple[tuple[Map | Shuffle, ...], RunChain]:
        """Return the steps that one task carries out from a step on, and that task."""
        if step not in self._chains:
            steps = [step]
            while (after := self._after(steps[-1])) is not None:
                steps.append(after)
            self._chains[step] = tuple(steps), RunChain.of(self._store, steps, self._ledger_rows)
        return self._chains[step]

    def hand_out(self, task: Task, work: Work) -> None:
        """Add a task that is ready."""
        for step in task.steps:
            self.states[step].running += 1
        self._ledger.expect(task.steps)
        self._tasks[self.todo.add(work)] = task

    def finish(
        self, step: Map | Shuffle, source: Step, place: Place, part: Partition, committed: Committed
    ) -> Partition:
        """Take what a step committed for a partition; returns the reference to it."""
        self._ledger.count(step, place, committed)
        if isinstance(step, Map):
            result = step.result(part, committed)
            self.give(step, place, result)
        else:
            result = committed.reference(key_of(committed.name))
            self.states[step].scattered.append((source, place, result))
        return result

    # Inputs

    def _read(self, step: Read) -> None:
        committed = self.committed.parts(step.label)
        for number, item in enumerate(step.items):
            known = step.task.known(committed, item)
            if known is None:
                self.hand_out(Task((step,), None, (number,), None), Work(RunOnce(step.task), (item,)))
            else:
                self._ledger.reuse(step)
                self._found(step, (number,), known)

    def _found(self, step: Read, place: Place, committed: Sequence[Committed]) -> None:
        parts = (each for each in committed if each.name.endswith(".arrow"))  # not the mark of the unit
        for number, each in enumerate(parts):
            self._ledger.count(step, (*place, number), each)
            self.give(step, (*place, number), each.reference(key_of(each.name)))

    # Steps that wait for others

    def settle(self, step: Step) -> None:
        """Close a step of which all partitions are there, and see what can go on then."""
        state = self.states[step]
        if isinstance(step, Map) and step.beside is not None and self.states[step.beside].closed:
            self._join(step)
        if state.closed or state.running or not all(self.states[source].closed for source in step.sources):
            return
        if isinstance(step, Shuffle) and not self._regrouped(step):
            return
        if isinstance(step, Gather) and not state.begun:
            state.begun = True
            self._gather(step)
        if state.running:
            return
        state.closed = True
        if not isinstance(step, Given):
            self._open[step.label] -= 1
            if not self._open[step.label]:
                self._ledger.close(step)
        for taker in self.description.takers[step]:
            self.settle(taker)

    def _join(self, step: Map) -> None:
        assert step.beside is not None
        waiting, self.states[step].waiting = self.states[step].waiting, []
        there = self.states[step.beside].parts
        for source, place, part in waiting:
            bucket = Map.number_beside(place, part, step.stamped, step.beside.into)
            key = bucket_key(step.beside.origin, bucket)
            self.go_on(step, source, place, Map.with_beside(part, key, there.get((bucket,)), step.masks))

    def _regrouped(self, step: Shuffle) -> bool:
        """True when the buckets of a shuffle have been given; else its partitions are being regrouped."""
        state = self.states[step]
        if not self._at_once[step] and not state.begun:
            state.begun = True
            if self._take_buckets(step):
                return True
            self.regroup(step)
            if state.running:
                return False
        if state.grown and (grown := GrownShuffle(self._store, step)).twice:
            return self.scatter_again(step, grown)
        parts = in_order(step, state.scattered)
        if parts:
            self.give_buckets(step, buckets(self._store, parts, step.keys, step.by))
        return True

    def give_buckets(self, step: Shuffle, parts: Sequence[Partition]) -> None:
        """Pass on the buckets of a shuffle."""
        self.states[step].scattered = []
        self._give_buckets(step, parts)

    def _give_buckets(self, step: Shuffle | Gather, parts: Sequence[Partition]) -> None:
        for bucket, part in enumerate(parts):
            if part.rows:
                self.give(step, (bucket,), part)

    def _take_buckets(self, step: Shuffle) -> bool:
        """Use the buckets that an engine with a shuffle of its own has committed, if they hold all rows."""
        found = self.committed.buckets(step)
        rows = sum(part.rows for part in found if part is not None)
        if rows != sum(part.rows for *_, part in self.states[step].waiting):
            return False
        self.states[step].waiting = []
        for bucket, part in enumerate(found):
            if part is not None:
                self._ledger.reuse(step)
                self.give(step, (bucket,), part)
        return True

    # Gathering

    def _gather(self, step: Gather) -> None:
        """Begin a gathering, or take its result if it is committed."""
        waiting = sorted(self.states[step].waiting, key=lambda each: (step.sources.index(each[0]), each[1]))
        self.states[step].waiting = []
        known = self.committed.gathered(step)
        if known is not None:
            self._ledger.reuse(step)
            self._gathered(step, known)
            return
        parts = tuple(tuple(part for given, _, part in waiting if given is source) for source in step.sources)
        self.hand_out(Task((step,), None, (), None), Work(RunOnce(step.task), (step.key, parts)))

    def _gathered(self, step: Gather, committed: Sequence[Committed]) -> None:
        if step.into:
            (only,) = committed
            self._give_buckets(step, spread(self._store, only.reference(step.key), step.keys))
