"""What the journal learns while a description is carried out: progress by step, and the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from ...schemas.dataset.ledger import Tally
from .journal import Journal
from .journal import Step as Bar
from .partition import Committed
from .stage import WorkCount
from .steps import Given, Place, Step


class LedgerOfSteps:
    """Counts what is committed, in any order of arrival.

    Steps of the same name share a line of the journal, such as the shuffles or a stage on several sources.

    Args:
        journal: The record of the run.
        wanted: Steps whose partitions the driver needs, in the order of the ledger.
        after: Names of the steps that each takes partitions from.
        number: Number of the description.
    """

    def __init__(
        self, journal: Journal, wanted: Sequence[Step], after: Mapping[str, tuple[str, ...]], number: int
    ) -> None:
        self._journal, self._wanted = journal, dict.fromkeys(wanted)
        self._after, self._number = after, number
        self._bars: dict[str, tuple[AbstractContextManager[Bar], Bar]] = {}
        self._dropped: dict[Step, list[tuple[Place, str]]] = {}

    def expect(self, steps: Iterable[Step], tasks: int = 1) -> None:
        """Add tasks that will be done."""
        for step in steps:
            self._bar(step).expect(tasks)

    def reuse(self, step: Step) -> None:
        """Add a task whose result was committed before."""
        self._bar(step).expect(1, reused=1)

    def advance(self, step: Step, work: WorkCount, process: str, peak_bytes: int) -> None:
        """Record a finished task and the peak memory of its process."""
        self._bar(step).advance(process, peak_bytes, work.rows, work.tokens)

    def count(self, step: Step, place: Place, committed: Committed) -> None:
        """Add a committed part to the ledger."""
        self._journal.count(Tally.model_validate(tally) for tally in committed.tallies)
        if committed.dropped:
            self._dropped.setdefault(step, []).append((place, committed.name))

    def close(self, step: Step) -> None:
        """End the line of a step, and of those that share it."""
        if not isinstance(step, Given) and step.label in self._bars:
            self._bars.pop(step.label)[0].__exit__(None, None, None)

    def end(self) -> None:
        """Note which parts list dropped rows, in the order of the wanted steps and not in that of the results."""
        for manager, _ in self._bars.values():
            manager.__exit__(None, None, None)
        for step in self._wanted:
            self._journal.dropped_in += [name for _, name in sorted(self._dropped.get(step, []))]

    def _bar(self, step: Step) -> Bar:
        assert not isinstance(step, Given)
        if step.label not in self._bars:
            manager = self._journal.step(step.label, 0, 0)
            bar = manager.__enter__()
            bar.after, bar.description = self._after.get(step.label, ()), self._number
            self._bars[step.label] = manager, bar
        return self._bars[step.label][1]
