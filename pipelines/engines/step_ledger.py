"""The ledger of one step: parts are counted as their results arrive, in any order."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ...schemas.dataset.ledger import Tally
from .commits import CommitIndex
from .journal import Journal
from .partition import Committed, Partition


def reference(key: str, committed: Committed) -> Partition:
    """Return a reference to a committed part."""
    summary = json.loads(committed.summary)
    return Partition(key, ((committed.name, None),), summary["rows"], note=summary["note"])


class StepLedger:
    """Counts the parts of a step into the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lists_dropped: dict[str, bool] = {}  # by name of a counted part

    def count(self, key: str, committed: Committed) -> Partition:
        """Add the tallies of a part to the ledger; returns a reference to the part."""
        tallies = json.loads(committed.summary)["tallies"]
        self._journal.count(Tally.model_validate(tally) for tally in tallies)
        self._lists_dropped[committed.name] = committed.dropped > 0
        return reference(key, committed)

    def end(self, names: Sequence[str]) -> None:
        """Note which parts list dropped rows, in the order of the parts and not in that of their results."""
        self._journal.dropped_in += [name for name in names if self._lists_dropped.get(name)]

    @contextmanager
    def counting(self, index: CommitIndex, stage: str, names: Callable[[frozenset[str]], list[str]]) -> Iterator[None]:
        """Also count the parts that are committed, but of which no result arrived, when the block is interrupted.

        Args:
            index: The index of committed parts.
            stage: Name of the stage.
            names: Selects the step's parts of the names of all committed parts, in their order.
        """
        try:
            yield
        except BaseException:
            with suppress(Exception):  # the store may be what failed
                parts = index.of(stage)
                mine = names(parts.names)
                for known in parts.find([name for name in mine if name not in self._lists_dropped]):
                    if known is not None:
                        self.count("", known)
                self.end(mine)
            raise
