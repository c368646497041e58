"""Stages: functions from Arrow table to Arrow table, with a name, a version and a config."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ...schemas.dataset.dropped_lines import bounded
from ...schemas.identity import Prefix
from ...schemas.storage.store import WORK, Store
from .allocator import keep_freed_memory
from .partition import Committed, Outcome, Partition, commit, count_rows, load


class Stage(Protocol):
    """A stage; picklable, models are loaded on first use, once per worker."""

    @property
    def name(self) -> str:
        """Name in the ledger, and of the folder of committed parts."""
        ...

    @property
    def counted(self) -> bool:
        """True when its rows go to the next stage, so that they are counted in the ledger; False for side tables."""
        ...

    def identity(self) -> Any:
        """Version and every setting that can change its output, as JSON values."""
        ...

    @property
    def run(self) -> Callable[..., Outcome]:
        """Function that keeps or drops every row of a table.

        Its arguments are the part's table and those of the parts beside it. If it returns no tallies, rows are counted
        for it.
        """
        ...


def part_key(stage: Stage, part: Partition) -> str:
    """Return the key of a stage's output, which depends on the stage and its input."""
    return part_keys(stage, [part])[0]


def part_keys(stage: Stage, parts: Sequence[Partition]) -> list[str]:
    """Return the keys of a stage's outputs; the stage is asked for its identity once."""
    first = Prefix(stage.name, stage.identity())
    return [key_after(first, part) for part in parts]


def key_after(first: Prefix, part: Partition) -> str:
    """Return the key of an output of the stage whose name and identity are the first values."""
    return first.fingerprint(part.key, *(other.key for other in part.beside))


def part_name(stage: str, key: str) -> str:
    """Return the file name of a committed part."""
    return f"{WORK}/{stage}/{key}.arrow"


class WorkCount(NamedTuple):
    """Rows and tokens that a task processed, for the progress display, and the parts that it committed."""

    rows: int
    tokens: int
    committed: tuple[Committed, ...] = ()


@dataclass(frozen=True)
class RunStage:
    """The task that an engine runs for every part: load, run, check, commit."""

    store: Store
    stage: Stage
    ledger_rows: int | None = None  # dropped rows that are listed a file and reason; None is all

    def __call__(self, part: Partition) -> WorkCount:
        """Run the stage on one part and commit the result."""
        keep_freed_memory()
        table = load(self.store, part)
        outcome = self.stage.run(table, *(load(self.store, other) for other in part.beside if other.rows))
        tallies = outcome.tallies
        if self.stage.counted and not tallies:
            tallies = count_rows(self.stage.name, table, outcome)
        for tally in tallies:
            tally.check()
        name = part_name(self.stage.name, part_key(self.stage, part))
        dropped = outcome.dropped if self.ledger_rows is None else bounded(outcome.dropped, self.ledger_rows)
        done = commit(self.store, name, Outcome(outcome.table, dropped, tallies, outcome.note))
        return WorkCount(table.num_rows, outcome.note.get("tokens", 0), (done,))
