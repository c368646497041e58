"""A stage: a plain function from Arrow table to Arrow table, with a name, a version and a config."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ...schemas.identity import fingerprint
from ...schemas.storage.store import WORK, Store
from .partition import Outcome, Partition, commit, count_rows, load


class Stage(Protocol):
    """Picklable; models are loaded on first use, once a worker."""

    @property
    def name(self) -> str:
        """Its name in the ledger, and of its folder of committed parts."""
        ...

    @property
    def counted(self) -> bool:
        """Whether its rows go on, and so into the ledger; False for copies on a side branch."""
        ...

    def identity(self) -> Any:
        """Version and every setting that can change its output, as JSON values."""
        ...

    @property
    def run(self) -> Callable[..., Outcome]:
        """Keep or drop every row of a table; tallies are counted for it when it gives none.

        Its arguments are the part's table and those of the parts beside it.
        """
        ...


def part_key(stage: Stage, part: Partition) -> str:
    """Identity of a stage's output: of the stage and of its input."""
    return fingerprint(stage.name, stage.identity(), part.key, *(other.key for other in part.beside))


def part_name(stage: str, key: str) -> str:
    """Where a committed part lies."""
    return f"{WORK}/{stage}/{key}.arrow"


class WorkCount(NamedTuple):
    """What a task got through, for the progress display."""

    rows: int
    tokens: int


@dataclass(frozen=True)
class RunStage:
    """The task that an engine runs for every part: load, run, check, commit."""

    store: Store
    stage: Stage

    def __call__(self, part: Partition) -> WorkCount:
        """Run the stage on one part and commit what comes of it."""
        table = load(self.store, part)
        outcome = self.stage.run(table, *(load(self.store, other) for other in part.beside))
        tallies = outcome.tallies
        if self.stage.counted and not tallies:
            tallies = count_rows(self.stage.name, table, outcome)
        for tally in tallies:
            tally.check()
        name = part_name(self.stage.name, part_key(self.stage, part))
        commit(self.store, name, Outcome(outcome.table, outcome.dropped, tallies, outcome.note))
        return WorkCount(table.num_rows, outcome.note.get("tokens", 0))
