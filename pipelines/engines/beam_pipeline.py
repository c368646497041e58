"""Builds one Beam pipeline for everything in a description that is not committed yet.

    Read: Create(units) | ParDo            Map: ParDo of the chain of stages on a partition
    Shuffle: FlatMap(split) | GroupByKey | ParDo(commit the bucket)
    Gather: all references under one key | GroupByKey | ParDo
    a bucket beside a partition: both keyed by the bucket | GroupByKey

What the driver has to put in is posted in the mailbox, since the graph of a pipeline is limited to some megabytes.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import apache_beam

from ...schemas.storage.store import Store
from . import beam_fns as fns
from .base import MeasuredTask
from .beam_results import BeamResults
from .beam_walk import BeamWalk
from .chain import RunChain
from .host_guard import HostGuard
from .steps import Gather, Map, Read, Shuffle, Step

beam: Any = apache_beam  # its transforms are untyped

Collections = dict[Step, list[Any]]


class PipelineBuilder:
    """Adds the transforms of the rest of a walk to a pipeline.

    Args:
        pipeline: The empty pipeline.
        walk: Has gone past everything that is committed.
        mailbox: The mailbox of the pipeline.
        store: Holds the partitions.
        ledger_rows: Dropped rows that a part lists a file and reason; None is all.
        reshuffle: Whether elements are distributed to workers after they have been created.
        guard: What tasks carry on a cluster.
    """

    def __init__(
        self,
        pipeline: Any,
        walk: BeamWalk,
        mailbox: BeamResults,
        store: Store,
        ledger_rows: int | None,
        *,
        reshuffle: bool,
        guard: HostGuard | None,
    ) -> None:
        self._pipeline, self._walk, self._mailbox, self._store = pipeline, walk, mailbox, store
        self._ledger_rows, self._reshuffle, self._guard = ledger_rows, reshuffle, guard
        self._numbers = {step: number for number, step in enumerate(walk.description.steps)}
        self._given: Collections = defaultdict(list)  # what each step gives within the pipeline
        self._labels = 0

    def build(self) -> list[Step]:
        """Add the transforms; returns the steps that the pipeline carries out."""
        steps = self._walk.unfinished()
        for step in steps:
            if isinstance(step, Read):
                self._read(step)
            elif isinstance(step, Map):
                self._map(step)
            elif isinstance(step, Shuffle):
                self._shuffle(step)
            elif isinstance(step, Gather):
                self._gather(step)
        return steps

    def _read(self, step: Read) -> None:
        self._carry(step, self._ready(step), fns.CarryRead(step.task), step)

    def _map(self, step: Map) -> None:
        elements = self._ready(step)
        chain, _ = self._walk.chain(step)
        if self._walk.description.following(step.source, lambda _: False) is not step:
            given = self._given[step.source]
            elements += given if step.beside is None else self._joined(step, step.beside, given)
        looks = any(self._walk.committed.parts(each.label).names for each in chain)
        task = RunChain.of(self._store, chain, self._ledger_rows, looks)
        self._carry(step, elements, fns.CarryChain(task), chain[-1])

    def _joined(self, step: Map, beside: Shuffle | Gather, given: list[Any]) -> list[Any]:
        state = self._walk.states[step]
        parts = given + self._created([(place, part) for _, place, part in state.waiting])
        known = self._created(list(self._walk.states[beside].parts.items()))
        others = [*self._given[beside], *known]
        if not parts:
            return []
        keyed = self._flat(parts) | self._named(beam.Map(fns.ToBucket(step.stamped, beside.into)), int, Any)
        if others:
            more = self._flat(others) | self._named(beam.Map(fns.as_beside), int, Any)
            keyed = self._flat([keyed, more])
        join = fns.Join(step.masks, beside.origin)
        return [self._apply(self._apply(keyed, beam.GroupByKey()), beam.FlatMap(join))]

    def _shuffle(self, step: Shuffle) -> None:
        parts = self._from_sources(step, step.sources)
        if not parts:
            return
        split = fns.Split(self._mailbox, step.stage, frozenset(self._walk.buckets[step]))
        pieces = self._flat(parts) | self._named(beam.FlatMap(split), int, tuple[Any, bytes])
        bucket = fns.CarryBucket(self._store, step.stage, step.origin)
        self._carry(step, [self._apply(pieces, beam.GroupByKey())], bucket, step, fns.place_of_bucket)

    def _gather(self, step: Gather) -> None:
        elements = self._ready(step)
        if not elements:
            parts = self._from_sources(step, step.sources)
            # one that stands for nothing, since the task runs though there may be no partition
            parts += self._created([(0, ((), None))])
            keyed = self._flat(parts) | self._named(beam.Map(fns.under_one_key), int, Any)
            collect = fns.Collect(step.key, len(step.sources))
            elements = [self._apply(self._apply(keyed, beam.GroupByKey()), beam.Map(collect))]
        self._carry(step, elements, fns.CarryGather(self._store, step.task, step.keys, step.into), step)

    def _from_sources(self, step: Shuffle | Gather, sources: Sequence[Step]) -> list[Any]:
        """Return the partitions of some steps, each with the number of its step among them."""
        order = {source: number for number, source in enumerate(sources)}
        waiting = [(order[source], (place, part)) for source, place, part in self._walk.states[step].waiting]
        elements = self._created(waiting)
        for source, number in order.items():
            if self._given[source]:
                elements.append(self._apply(self._flat(self._given[source]), beam.Map(fns.Numbered(number))))
        return elements

    def _ready(self, step: Step) -> list[Any]:
        return self._created(self._walk.ready[step])

    def _created(self, elements: Sequence[tuple[Any, Any]]) -> list[Any]:
        if not elements:
            return []
        name = f"items-{self._labels}"
        spans = self._mailbox.post(elements, name)
        # without a reshuffle, runners fuse the steps, and the worker that creates the elements would do all the work
        created = self._apply(self._pipeline, beam.Create(spans, reshuffle=self._reshuffle))
        return [self._apply(created, beam.FlatMap(fns.Take(self._mailbox, name)))]

    def _carry(self, step: Step, elements: list[Any], carry: Any, last: Step, place: Any = fns.place_of) -> None:
        if elements:
            task = beam.ParDo(fns.CarryOut(self._mailbox, self._numbers[step], MeasuredTask(carry, self._guard), place))
            self._given[last].append(self._apply(self._flat(elements), task, str(getattr(step, "label", ""))))

    def _flat(self, collections: list[Any]) -> Any:
        return collections[0] if len(collections) == 1 else self._apply(tuple(collections), beam.Flatten())

    def _apply(self, collection: Any, transform: Any, name: str = "") -> Any:
        """Apply a transform under a label of its own."""
        self._labels += 1
        return collection | f"{self._labels} {name or type(transform).__name__}" >> transform

    def _named(self, transform: Any, key: Any, value: Any) -> Any:
        """Return a transform with a label and the types of its pairs, of which the keys are grouped."""
        self._labels += 1
        return f"{self._labels} {type(transform).__name__}" >> transform.with_output_types(tuple[key, value])
