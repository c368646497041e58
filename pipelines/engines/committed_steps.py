"""What is committed of the steps of a description, as the index tells it."""

from collections.abc import Sequence

from ...schemas.storage.store import Store
from .commits import CommitIndex, CommittedParts
from .partition import Committed, Partition
from .stage import part_name
from .steps import Gather, Shuffle


class CommittedSteps:
    """The commits of a run's steps when they were first asked for.

    Args:
        store: Holds the partitions.
        index: The committed parts.
    """

    def __init__(self, store: Store, index: CommitIndex) -> None:
        self._store, self._index = store, index
        self._stages: dict[str, CommittedParts] = {}

    def parts(self, stage: str) -> CommittedParts:
        """Return the parts of a stage."""
        if stage not in self._stages:
            self._stages[stage] = self._index.of(stage)
        return self._stages[stage]

    def has_buckets(self, step: Shuffle) -> bool:
        """Return whether an engine with a shuffle of its own has committed buckets of this one."""
        names = (part_name(step.stage.name, key) for key in step.keys)
        return not self.parts(step.stage.name).names.isdisjoint(names)

    def buckets(self, step: Shuffle) -> list[Partition | None]:
        """Return the buckets of a shuffle that such an engine has committed, by their numbers."""
        parts = self.parts(step.stage.name)
        known = (parts.get(part_name(step.stage.name, key)) for key in step.keys)
        return [each and step.bucket(key, each) for key, each in zip(step.keys, known, strict=True)]

    def gathered(self, step: Gather) -> Sequence[Committed] | None:
        """Return what a gathering committed; None if it is not done."""
        if not step.into:
            return () if self._store.exists(step.done) else None
        known = self.parts(step.label).get(step.done)
        return None if known is None else (known,)
