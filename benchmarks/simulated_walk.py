"""The driver's walk through a description of any size: tasks are answered with made-up notes, and nothing is stored.

Everything that the driver decides and remembers is that of a run: keys, references, notes, places of pieces, progress
and the ledger.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from triptych.pipelines.engines.commits import CommitIndex
from triptych.pipelines.engines.grown import GrownShuffle
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.ledger_of_steps import LedgerOfSteps
from triptych.pipelines.engines.partition import Committed, Partition, key_of
from triptych.pipelines.engines.ranges import BATCH
from triptych.pipelines.engines.stage import WorkCount
from triptych.pipelines.engines.steps import Description, Gather, Map, Place, Shuffle, Step
from triptych.pipelines.engines.walk import Walk
from triptych.pipelines.engines.walk_state import Task
from triptych.schemas.identity import canonical_json
from triptych.schemas.storage.store import Store

PIECE = 100_000  # bytes; what it is does not matter


class Nowhere(Store):
    """A store of which nothing is kept."""

    def exists(self, name: str) -> bool:
        """Nothing exists."""
        return False

    def names(self, folder: str) -> list[str]:
        """Nothing is listed."""
        return []

    @contextmanager
    def create(self, name: Any) -> Iterator[Any]:
        """Write nothing."""
        yield pa.MockOutputStream()


class Notes:
    """The notes of stages.

    Args:
        rows: Rows of a partition.
        notes: What each stage notes of a partition, by the name of the stage.
    """

    def __init__(self, rows: int, notes: dict[str, dict[str, Any]]) -> None:
        self._rows, self._notes = rows, notes

    def of(self, stage: str, place: Place) -> dict[str, Any]:
        """Return the note of one result."""
        if stage == "distinct":
            return {"bucket": place[0], "distinct": self._rows}
        return self._notes.get(stage, {"bytes": 8 << 20})

    def committed(self, name: str, stage: str, note: dict[str, Any]) -> Committed:
        """Return what a task returns of one result."""
        tally = {"stage": stage, "source": "docs", "rows_in": self._rows, "kept": self._rows, "dropped": {}}
        tally |= {"tokens_in": 0, "tokens_kept": 0, "tokens_dropped": {}}
        return Committed(name, canonical_json({"rows": self._rows, "tallies": [tally], "note": note}), 0)


def scattered_note(buckets: Sequence[int]) -> dict[str, str]:
    """The note of a part that was scattered into these buckets."""
    import base64

    batches = np.zeros(len(buckets), BATCH)
    batches["bucket"], batches["rows"], batches["length"] = buckets, 100, PIECE
    return {"batches": base64.b64encode(batches.tobytes()).decode(), "schema": "0" * 16, "head": "0000001000"}


class SimulatedWalk(Walk):
    """A walk that answers its own tasks."""

    def __init__(self, steps: Sequence[Step], notes: Notes, journal: Journal) -> None:
        store = Nowhere("nowhere")
        ledger = LedgerOfSteps(journal, steps, {}, 1)
        super().__init__(store, CommitIndex(store), ledger, Description(steps), None)
        self._notes = notes
        self.tasks = 0
        self.partitions = 0  # results

    def run(self) -> dict[Step, list[Partition]]:
        """Go through all of it."""
        self.begin()
        while self.todo:
            for number, work in self.todo.take():
                self.tasks += 1
                self.done(number, self._answers(self._tasks[number], work.item), "worker", 1)
        assert not self.unfinished()
        return self.results()

    def _answers(self, task: Task, item: Any) -> list[WorkCount]:
        found, part = [], task.part
        for step in task.steps:
            if isinstance(step, Map):
                assert part is not None
                committed = self._notes.committed(step.name_for(part), step.stage.name, self._note(step, task))
                part = step.result(part, committed) if step.notes is None else committed.reference(step.label)
            elif isinstance(step, Shuffle):
                assert part is not None
                committed = self._scattered(step, task, part, item)
            else:
                assert isinstance(step, Gather)
                committed = Committed(step.done, self._summary(scattered_note(range(step.into))), 0)
            self.partitions += 1
            found.append(WorkCount(100, 0, (committed,)))
        return found

    def _note(self, step: Map, task: Task) -> dict[str, Any]:
        return self._notes.of(step.stage.name, task.place)

    def _scattered(self, step: Shuffle, task: Task, part: Partition, item: Any) -> Committed:
        grown, state = GrownShuffle(self._store, step), self.states[step]
        if state.again:
            buckets: Sequence[int] = range(task.place[0], step.into, grown.first.into)
        else:
            buckets = range(grown.first.into if state.grown else step.into)
        name = item[0] if state.grown and not state.again else step.name_for(part)
        return Committed(name, self._summary(scattered_note(buckets)), 0)

    def _summary(self, note: dict[str, Any]) -> bytes:
        return canonical_json({"rows": 100, "tallies": [], "note": note})


def part_of(name: str, note: dict[str, Any], rows: int) -> Partition:
    """A reference to a partition that was committed under a name."""
    return Partition(key_of(name), ((name, None),), rows, note=note)
