"""The description of work: steps, and which of them each step takes its partitions from.

The driver describes everything up to the next point at which it has to know a result, and an engine carries it out in
one go (`Engine.run`): one task after another, tasks side by side, or as one pipeline of Beam. The description is by
step; the partitions of a step have places in it, and an empty partition goes to no further step.

Keys follow from the description, so that the parts of a shuffle are known by name before it is made. Where they depend
on results (what `Read` finds, which rows a mask leaves), no shuffle may follow in the same description.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from ...schemas.identity import Prefix, fingerprint
from .commits import CommittedParts
from .partition import Committed, Partition, key_of, stamp_of
from .row_mask import masked
from .shuffle import Scatter, bucket_key, origin_of
from .stage import Stage, WorkCount, key_after, part_name

Place = tuple[int, ...]  # of a partition in its step: where it is given, the bucket, or the unit and the part of it


class ReadTask(Protocol):
    """Reads units of the inputs into partitions; picklable."""

    def known(self, committed: CommittedParts, item: Any) -> Sequence[Committed] | None:
        """Return the parts of a unit that was read whole; None for any other."""
        ...

    def __call__(self, item: Any) -> WorkCount:
        """Read a unit and commit its parts."""
        ...


class NoteTaker(Protocol):
    """Takes what the driver needs of the notes of a step, so that they are not all in its memory."""

    def __call__(self, note: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take the note of one result, in any order; returns what is kept of it in the reference."""
        ...


class GatherTask(Protocol):
    """One task on all partitions of some steps; picklable."""

    @property
    def name(self) -> str:
        """Name of the step in the journal."""
        ...

    def identity(self) -> Any:
        """Version and every setting that can change the result, as JSON values."""
        ...

    def done(self, key: str) -> str:
        """Return the name of the file that exists when the work is done."""
        ...

    def __call__(self, key: str, parts: Sequence[Sequence[Partition]]) -> WorkCount:
        """Do the work for the partitions of each step, in the order of their places."""
        ...


@dataclass(frozen=True, eq=False)
class Given:
    """Partitions that the driver knows."""

    parts: Sequence[Partition]
    sources: tuple["Step", ...] = ()

    @property
    def keys(self) -> list[str]:
        """Keys of the partitions."""
        return [part.key for part in self.parts]


@dataclass(frozen=True, eq=False)
class Read:
    """Partitions that are read from units of the inputs; a unit gives as many as it holds."""

    task: ReadTask
    items: Sequence[Any]
    label: str = "read"
    sources: tuple["Step", ...] = ()

    @property
    def keys(self) -> list[str]:
        """Not known before the units are read."""
        raise LookupError("the partitions of inputs are not known before they are read")


@dataclass(frozen=True, eq=False)
class Map:
    """A stage on every partition of a step.

    With `masks`, the stage only drops rows, and its result is a mask. With `beside`, the stage also gets a bucket of
    another step: the one at the partition's own place or, for `stamped`, the one to which its stamp belongs. `notes`
    is called by the driver, once for each result.
    """

    stage: Stage
    source: "Step"
    masks: bool = False
    beside: "Shuffle | Gather | None" = None
    stamped: bool = False
    notes: NoteTaker | None = None

    @property
    def label(self) -> str:
        """Name of the step in the journal."""
        return self.stage.name

    @property
    def sources(self) -> tuple["Step", ...]:
        """The step, and the one beside it."""
        return (self.source,) if self.beside is None else (self.source, self.beside)

    @cached_property
    def keys(self) -> list[str]:
        """Keys of the resulting partitions."""
        if self.masks:
            raise LookupError("the keys of masked partitions depend on the rows that are left")
        if self.beside is None:
            return [self._first.fingerprint(key) for key in self.source.keys]
        pairs = zip(self.source.keys, self.beside.keys, strict=True)
        return [self._first.fingerprint(*pair) for pair in pairs]

    @cached_property
    def _first(self) -> Prefix:
        """What the keys of all results begin with, as those of `part_keys` do."""
        return Prefix(self.stage.name, self.stage.identity())

    def name_for(self, part: Partition) -> str:
        """Return the file name of the result for one partition."""
        return part_name(self.stage.name, key_after(self._first, part))

    @staticmethod
    def number_beside(place: Place, part: Partition, stamped: bool, into: int) -> int:
        """Return the number of the bucket that goes beside a partition."""
        return stamp_of(part) % into if stamped else place[0]

    @staticmethod
    def with_beside(part: Partition, key: str, beside: Partition | None, masks: bool) -> Partition:
        """Return a partition with the bucket beside it, of which nothing but the key is there when it is empty.

        The keys of results must be known before, so an empty bucket counts. Those of a mask need not be, and it is not
        made again because of a bucket that has nothing for its partition.
        """
        if beside is None and masks:
            return part
        return replace(part, beside=(beside or Partition(key, (), 0),))

    def result(self, part: Partition, done: Committed) -> Partition:
        """Return the reference to the result for one partition."""
        result = done.reference(key_of(done.name))
        if self.notes is not None:
            result = replace(result, note=self.notes(result.note))
        return masked(part, result) if self.masks else result


@dataclass(frozen=True, eq=False)
class Shuffle:
    """The rows of some steps regrouped by a column: `into` buckets, each sorted by (column, id) when it is loaded.

    The column holds unsigned integers or 16-byte hashes; equal values go to the same bucket.
    """

    sources: tuple["Step", ...]
    by: str
    into: int
    label: str = "shuffle"

    @cached_property
    def stage(self) -> Scatter:
        """The stage that sorts the rows of a partition by bucket."""
        return Scatter(self.by, self.into)

    @cached_property
    def _first(self) -> Prefix:
        return Prefix(self.stage.name, self.stage.identity())

    def name_for(self, part: Partition) -> str:
        """Return the file name of a partition with its rows sorted by bucket."""
        return part_name(self.stage.name, key_after(self._first, part))

    def bucket(self, key: str, committed: Committed) -> Partition:
        """Return the reference to a bucket that was committed as one part."""
        return replace(committed.reference(key), sort_by=self.by)

    @cached_property
    def origin(self) -> str:
        """Key of the shuffle, from which those of its buckets follow."""
        return origin_of(self.stage, [key for step in self.sources for key in step.keys])

    @cached_property
    def keys(self) -> list[str]:
        """Keys of the buckets."""
        return [bucket_key(self.origin, bucket) for bucket in range(self.into)]


@dataclass(frozen=True, eq=False)
class Gather:
    """One task on all partitions of some steps; its result is divided into buckets, unless `into` is 0."""

    task: GatherTask
    sources: tuple["Step", ...]
    into: int = 0

    @property
    def label(self) -> str:
        """Name of the step in the journal."""
        return self.task.name

    @cached_property
    def key(self) -> str:
        """Key of the result."""
        return gather_key(self.task, [step.keys for step in self.sources])

    @property
    def origin(self) -> str:
        """Key from which those of the buckets follow."""
        return self.key

    @property
    def done(self) -> str:
        """Name of the file that exists when the work is done."""
        return self.task.done(self.key)

    @cached_property
    def keys(self) -> list[str]:
        """Keys of the buckets; of the result itself, where it has none."""
        return [bucket_key(self.key, bucket) for bucket in range(self.into)] or [self.key]


def gather_key(task: GatherTask, keys: Sequence[Sequence[str]]) -> str:
    """Return the key of a gathering of partitions with these keys, by the steps that they come from."""
    return fingerprint(task.name, task.identity(), keys)


Step = Given | Read | Map | Shuffle | Gather


class Description:
    """Steps in an order in which each comes after those that it takes from.

    Args:
        wanted: The steps whose partitions the driver will ask for.
    """

    def __init__(self, wanted: Sequence[Step]) -> None:
        self.steps: list[Step] = []
        self.takers: dict[Step, list[Step]] = {}
        self.wanted = frozenset(wanted)
        for step in wanted:
            self._add(step)

    def _add(self, step: Step) -> None:
        if step in self.takers:
            return
        for source in step.sources:
            self._add(source)
        self.steps.append(step)
        self.takers[step] = []
        for source in step.sources:
            self.takers[source].append(step)

    def after(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the steps that each takes partitions from, by its name."""
        found: dict[str, dict[str, None]] = {}
        for step in self.steps:
            if not isinstance(step, Given):
                names = (source.label for source in step.sources if not isinstance(source, Given))
                found.setdefault(step.label, {}).update(dict.fromkeys(names))
        return {name: tuple(names) for name, names in found.items()}

    def following(self, step: Step, joined: Callable[[Shuffle], bool]) -> "Map | Shuffle | None":
        """Return the step that one task carries out after another on the same partition, if there is one.

        Args:
            step: The step before.
            joined: True for a shuffle whose partitions are scattered as soon as they are there.
        """
        if isinstance(step, Map) and len(takers := self.takers[step]) == 1:
            after = takers[0]
            if isinstance(after, Map) and after.beside is None:
                return after
            if isinstance(after, Shuffle) and joined(after):
                return after
        return None
