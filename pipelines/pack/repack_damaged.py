"""Checks that committed shards still exist and are unchanged, so that missing or damaged ones are packed again."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...schemas.identity import stream_fingerprint
from ...schemas.storage.store import WORK, Store
from ..engines.base import Engine
from ..engines.partition import read_header
from ..engines.stage import part_name
from ..engines.steps import Map
from .shard import PackShard
from .shard_marks import unchanged_parts


@dataclass(frozen=True)
class IsIntact:
    """The task that checks the shard of one committed part."""

    store: Store

    def __call__(self, name: str) -> bool:
        """True when the part's shard exists and is unchanged, or when the part has no shard."""
        entry = read_header(self.store, name).note["shard"]
        if entry is None:
            return True
        if not self.store.exists(entry["file"]):
            return False
        with self.store.fs.open(self.store.path(entry["file"]), "rb") as stream:
            return bool(stream_fingerprint(stream) == entry["xxh3"])


def delete_damaged(engine: Engine, packed: Sequence[Map], recheck: bool = False) -> None:
    """Delete committed parts whose shard is missing or has changed, so that they are packed again.

    A shard may be missing after a run with other settings, which deletes all shards that its manifest does not list.

    Args:
        engine: Checks the shards.
        packed: The steps of `PackShard`.
        recheck: Read all shards, also those that look as an earlier run left them.
    """
    existing = set(engine.store.names(f"{WORK}/{PackShard.name}"))
    every = (part_name(step.label, key) for step in packed for key in step.keys) if existing else ()
    names = [name for name in every if name in existing]
    if names and not recheck:
        unchanged = unchanged_parts(engine.store)
        names = [name for name in names if name not in unchanged]
    if names:
        for name, intact in zip(names, engine.collect("shards", IsIntact(engine.store), names), strict=True):
            if not intact:
                engine.store.delete(name)
