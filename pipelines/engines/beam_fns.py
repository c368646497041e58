"""What the workers of a Beam pipeline do with references to partitions: each function is a transform of the pipeline.

Elements are (place, reference) pairs. The results of tasks go to the driver through the mailbox, several in one file.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa

from ...schemas.dataset.tables import DROPPED
from ...schemas.storage.store import Store
from .base import MeasuredTask
from .beam_results import BeamResults, Span
from .beam_walk import Event
from .chain import RunChain, spread
from .partition import Outcome, Partition, commit, key_of, load, read_header
from .ranges import batches_of
from .shuffle import Scatter, bucket_key
from .stage import WorkCount, part_name
from .steps import GatherTask, Map, Place, ReadTask

FLUSH_SECONDS = 2.0  # after which the results of tasks are written, though their bundle goes on

Element = tuple[Place, Any]


class Carried(NamedTuple):
    """Results of a task, and the partitions that go on from it."""

    results: Sequence[WorkCount]
    outputs: Sequence[tuple[Place, Partition]]


@dataclass(frozen=True)
class CarryChain:
    """Runs a chain of stages on a partition."""

    task: RunChain

    def __call__(self, element: Element) -> Carried:
        """Return the partition that the last stage gives, if rows are left."""
        place, part = element
        done = self.task.results(part)
        last = done[-1][1]
        through = len(done) == len(self.task.links) and last.rows
        return Carried([work for work, _ in done], [(place, last)] if through else [])


@dataclass(frozen=True)
class CarryRead:
    """Reads a unit of the inputs."""

    task: ReadTask

    def __call__(self, element: Element) -> Carried:
        """Return the partitions that hold rows."""
        place, (item,) = element
        work = self.task(item)
        parts = [each.reference(key_of(each.name)) for each in work.committed if each.name.endswith(".arrow")]
        return Carried([work], [((*place, number), part) for number, part in enumerate(parts) if part.rows])


@dataclass(frozen=True)
class CarryGather:
    """Runs a task on all partitions of some steps, unless its result is committed already."""

    store: Store
    task: GatherTask
    keys: Sequence[str]  # of the buckets of its result
    into: int

    def __call__(self, element: Element) -> Carried:
        """Return the buckets of the result."""
        _, (key, parts) = element
        work = self._committed(key) or self.task(key, parts)
        if not self.into:
            return Carried([work], [])
        (committed,) = work.committed
        given = enumerate(spread(self.store, committed.reference(key), self.keys))
        return Carried([work], [((bucket,), part) for bucket, part in given if part.rows])

    def _committed(self, key: str) -> WorkCount | None:
        name = self.task.done(key)
        if not self.store.exists(name):
            return None
        return WorkCount(0, 0, (read_header(self.store, name).committed(name),) if self.into else ())


@dataclass(frozen=True)
class CarryBucket:
    """Commits the pieces of a bucket as one part, in the order of the parts that they come from."""

    store: Store
    stage: Scatter
    origin: str

    def __call__(self, element: tuple[int, Iterable[tuple[tuple[int, ...], bytes]]]) -> Carried:
        """Return the bucket; its rows are sorted when they are loaded, as after any shuffle."""
        bucket, pieces = element
        key = bucket_key(self.origin, bucket)
        table = pa.concat_tables(pa.ipc.open_stream(rows).read_all() for _, rows in sorted(pieces))
        done = commit(self.store, part_name(self.stage.name, key), Outcome(table, DROPPED.empty_table()))
        part = Partition(key, ((done.name, None),), table.num_rows, sort_by=self.stage.by)
        return Carried([WorkCount(table.num_rows, 0, (done,))], [((bucket,), part)])


class CarryOut(beam.DoFn):
    """Runs tasks and writes their results to the mailbox.

    Args:
        mailbox: Where the results go.
        step: Number of the first step that a task carries out.
        carry: The task.
        place: Place of an element in its step.
    """

    def __init__(
        self, mailbox: BeamResults, step: int, carry: MeasuredTask[Any, Carried], place: Callable[[Any], Place]
    ) -> None:
        super().__init__()
        self._mailbox, self._step, self._carry, self._place = mailbox, step, carry, place
        self._events: list[Event] = []
        self._written = 0.0

    def start_bundle(self) -> None:
        """Begin with no results."""
        self._events, self._written = [], time.monotonic()

    def process(self, element: Any) -> Iterator[tuple[Place, Partition]]:
        """Run the task on one element."""
        place = self._place(element)
        with self._mailbox.attempting(f"{self._step}-{'-'.join(map(str, place))}"):
            done = self._carry(0, element)
            carried = done.result
            self._events.append(Event(self._step, place, carried.results, done.process, done.peak_bytes))
            if time.monotonic() - self._written > FLUSH_SECONDS:
                self._write()
        yield from carried.outputs

    def finish_bundle(self) -> None:
        """Write the results that are left."""
        self._write()

    def _write(self) -> None:
        if self._events:
            self._mailbox.answer(uuid.uuid4().hex, self._events)
        self._events, self._written = [], time.monotonic()


def place_of(element: Element) -> Place:
    """Return the place of an element."""
    return element[0]


def place_of_bucket(element: tuple[int, Any]) -> Place:
    """Return the place of a grouped bucket."""
    return (element[0],)


@dataclass(frozen=True)
class Take:
    """Reads elements that the driver has put into the mailbox."""

    mailbox: BeamResults
    name: str

    def __call__(self, span: Span) -> list[Any]:
        """Return the elements of one batch."""
        return [item for _, item in self.mailbox.take(span, self.name)]


@dataclass(frozen=True)
class Split:
    """Splits the rows of a partition into pieces by bucket, for the buckets that are missing."""

    mailbox: BeamResults
    stage: Scatter
    there: frozenset[int]

    def __call__(self, element: tuple[int, Element]) -> list[tuple[int, tuple[tuple[int, ...], bytes]]]:
        """Return (bucket, (place of the partition, rows as an Arrow stream)) pairs."""
        source, (place, part) = element
        at = (source, *place)
        with self.mailbox.attempting(f"split-{'-'.join(map(str, at))}"):
            outcome = self.stage.run(load(self.mailbox.store, part))
            rows = zip(batches_of(outcome.note)["bucket"].tolist(), outcome.table.to_batches(), strict=True)
            return [(bucket, (at, _stream(batch))) for bucket, batch in rows if bucket not in self.there]


def _stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


@dataclass(frozen=True)
class Numbered:
    """Marks elements with the number of the step that they come from."""

    number: int

    def __call__(self, element: Element) -> tuple[int, Element]:
        """Return (number, element)."""
        return self.number, element


@dataclass(frozen=True)
class ToBucket:
    """Keys partitions by the bucket that goes beside them."""

    stamped: bool
    into: int

    def __call__(self, element: Element) -> tuple[int, tuple[str, Element]]:
        """Return (bucket, element marked as a partition)."""
        place, part = element
        return Map.number_beside(place, part, self.stamped, self.into), ("part", element)


def as_beside(element: Element) -> tuple[int, tuple[str, Element]]:
    """Key a bucket by its number."""
    return element[0][0], ("beside", element)


@dataclass(frozen=True)
class Join:
    """Puts the bucket beside the partitions that it belongs to."""

    masks: bool
    keys_of: str  # prefix of the keys of the buckets

    def __call__(self, grouped: tuple[int, Iterable[tuple[str, Element]]]) -> list[Element]:
        """Return the partitions with the bucket beside them."""
        bucket, elements = grouped
        every = list(elements)
        beside = next((part for role, (_, part) in every if role == "beside"), None)
        key = bucket_key(self.keys_of, bucket)
        return [
            (place, Map.with_beside(part, key, beside, self.masks)) for role, (place, part) in every if role == "part"
        ]


def under_one_key(element: tuple[int, Element]) -> tuple[int, tuple[int, Element]]:
    """Key every element by the same number, so that one task gets them all."""
    return 0, element


@dataclass(frozen=True)
class Collect:
    """Makes one element of all partitions of some steps."""

    key: str
    sources: int

    def __call__(self, grouped: tuple[int, Iterable[tuple[int, Element]]]) -> Element:
        """Return the argument of the gathering task."""
        every = sorted((source, place, part) for source, (place, part) in grouped[1] if part is not None)
        groups = tuple(tuple(part for at, _, part in every if at == source) for source in range(self.sources))
        return (), (self.key, groups)
