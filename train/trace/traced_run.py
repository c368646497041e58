"""A run whose batches are traced: its stretches of steps, each with its plan and the order of its rows.

What a run reads at a step is a function of its plan, so nothing is logged while it trains. `run.json` says where the
plan was changed, and how far its streams were read by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...schemas.config.training import Data
from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.segment_tables import SegmentTables
from ...schemas.errors import Refusal
from ..data.mix import Ints
from ..data.plan import Plan, make_plan
from ..data.row_order import RowOrder
from ..data.selection import with_rows
from ..metrics import last_step
from ..run_record import RunRecord, Stretch
from ..trained_data import open_dataset


class ShardPlace:
    """Where the shards of a plan are: plans number shards stream after stream, manifests all of a dataset."""

    def __init__(self, plan: Plan) -> None:
        self._of_stream: list[Ints] = []
        for stream in plan.streams:
            shards = plan.datasets[stream.dataset].manifest.shards
            self._of_stream.append(with_rows(shards, stream.group))
        self._dataset = np.repeat([stream.dataset for stream in plan.streams], [len(one) for one in self._of_stream])
        self._shard = np.concatenate(self._of_stream)

    def in_manifest(self, shard: int) -> tuple[int, int]:
        """Number of the dataset in the plan, and of the shard in its manifest, of a shard of the plan."""
        return int(self._dataset[shard]), int(self._shard[shard])

    def in_stream(self, stream: int, shard: int) -> int | None:
        """Place of a shard of a manifest among those of a stream; None if it is not one of them."""
        found = np.flatnonzero(self._of_stream[stream] == shard)
        return int(found[0]) if len(found) else None


@dataclass(frozen=True)
class TracedStretch:
    """Steps `first` + 1 ... `stop` of a run, whose rows follow one plan."""

    first: int
    stop: int
    plan: Plan
    order: RowOrder

    @cached_property
    def shards(self) -> ShardPlace:
        """Where its shards are."""
        return ShardPlace(self.plan)

    @cached_property
    def tables(self) -> tuple[SegmentTables, ...]:
        """Segment tables of the datasets of the plan."""
        return tuple(SegmentTables(dataset) for dataset in self.plan.datasets)


class TracedRun:
    """A run and its plans; a plan is opened when a step of it is needed."""

    def __init__(self, folder: Path, data: Sequence[str] = ()) -> None:
        """Read the record of a run.

        Args:
            folder: Folder of the run; only its record and its metrics are read.
            data: Where datasets of the run are now, if they have moved.
        """
        self.folder = folder
        self.record = RunRecord.read(folder)
        self.config = self.record.training
        self.done = last_step(folder)  # steps that were logged
        self._moved = {one.manifest.fingerprint: one.url for one in map(Dataset, data)}
        self._known = self.record.known_stretches
        self._opened: dict[int, TracedStretch] = {}

    def stretch_of(self, step: int) -> TracedStretch:
        """The stretch of a step, counted from 1 as in `metrics.jsonl`.

        Raises:
            Refusal: The run has no such step, or its record does not tell of which plan it was.
        """
        if not 1 <= step <= self.config.steps:
            raise Refusal(f"--step {step}: {self.folder} has steps 1 to {self.config.steps:,}. Choose one of these.")
        found = [number for number, one in enumerate(self._known) if one.first_step < step]
        if not found:
            raise self._unknown(step)
        return self._open(found[-1])

    def stretches(self) -> list[TracedStretch]:
        """All stretches of the run in their order; raises Refusal if one is not known or cannot be opened."""
        if not self._known or self._known[0].first_step:
            raise self._unknown(1)
        return [self._open(number) for number in range(len(self._known))]

    def _open(self, number: int) -> TracedStretch:
        if number not in self._opened:
            one = self._known[number]
            later = [each.first_step for each in self._known[number + 1 :]]
            plan = self._plan(one)
            self._opened[number] = TracedStretch(
                one.first_step, min([self.config.steps, *later]), plan, RowOrder(plan, one.before)
            )
        return self._opened[number]

    def _plan(self, stretch: Stretch) -> Plan:
        data = Data.model_validate(stretch.data | {"allow_overlap": True})  # checked when the run was trained
        places = dict.fromkeys(entry.path.rstrip("/") for entry in data.datasets)
        moved = {
            path: self._moved.get(known.fingerprint, path)
            for path, known in zip(places, stretch.trained_on, strict=True)
        }
        entries = tuple(one.model_copy(update={"path": moved[one.path.rstrip("/")]}) for one in data.datasets)
        opened = {path: open_dataset(path, self.folder) for path in moved.values()}
        for known, dataset in zip(stretch.trained_on, opened.values(), strict=True):
            if dataset.manifest.fingerprint != known.fingerprint:
                raise Refusal(
                    f"{dataset.where}: is not the dataset that {self.folder} was trained on: its fingerprint is "
                    f"{dataset.manifest.fingerprint}, not {known.fingerprint}. If that one has moved, give its place "
                    "with `--data DATASET`."
                )
        plan = make_plan(
            data.model_copy(update={"datasets": entries}),
            seed=self.config.seed,
            validation=data.validation,
            steps=stretch.steps,
            copies=self.config.objective.copies,
            opened=tuple(opened.values()),
        )
        if plan.fingerprint != stretch.plan:
            raise Refusal(
                f"{self.folder}: this version orders the rows of its datasets in another way than the version that "
                f"trained it (plan {plan.fingerprint}, not {stretch.plan}). Use that version.",
                exit_code=1,
            )
        return plan

    def _unknown(self, step: int) -> Refusal:
        first = self._known[0].first_step if self._known else None
        rest = f"Steps from {first + 1:,} on can be traced." if first is not None else "Resume it once to record it."
        return Refusal(
            f"{self.folder}: step {step:,} was trained by a version that did not record what a change of the train "
            f"file or a rollback left of the order of rows. {rest}",
            exit_code=1,
        )
