"""The ledger: for every stage and source, rows in = kept + dropped by reason, and tokens likewise.

Counts are tallies, merged from partitions in any order; the dropped rows themselves are a table (DROPPED).
"""

from collections import Counter
from collections.abc import Iterable

from pydantic import Field, NonNegativeInt

from ..base import Strict
from ..errors import Refusal


class Tally(Strict):
    """What one stage did to the rows of one source."""

    stage: str
    source: str
    rows_in: NonNegativeInt = 0
    kept: NonNegativeInt = 0
    dropped: dict[str, NonNegativeInt] = Field(default_factory=dict)
    tokens_in: NonNegativeInt = 0
    tokens_kept: NonNegativeInt = 0
    tokens_dropped: dict[str, NonNegativeInt] = Field(default_factory=dict)

    def check(self) -> None:
        """Raise Refusal when a row or a token is neither kept nor dropped."""
        for what, given, kept, dropped in (
            ("rows", self.rows_in, self.kept, self.dropped),
            ("tokens", self.tokens_in, self.tokens_kept, self.tokens_dropped),
        ):
            if given != kept + sum(dropped.values()):
                raise Refusal(
                    f"ledger of stage {self.stage}, source {self.source}: {given} {what} in, but {kept} kept and "
                    f"{sum(dropped.values())} dropped. The dataset is damaged or a stage has a bug; prepare it again.",
                    exit_code=1,
                )


def merge(tallies: Iterable[Tally]) -> list[Tally]:
    """Sum tallies by stage and source, in order of first appearance."""
    groups: dict[tuple[str, str], list[Tally]] = {}
    for tally in tallies:
        groups.setdefault((tally.stage, tally.source), []).append(tally)
    return [_sum(group) for group in groups.values()]


def _sum(group: list[Tally]) -> Tally:
    dropped: Counter[str] = Counter()
    tokens_dropped: Counter[str] = Counter()
    for tally in group:
        dropped.update(tally.dropped)
        tokens_dropped.update(tally.tokens_dropped)
    return Tally(
        stage=group[0].stage,
        source=group[0].source,
        rows_in=sum(tally.rows_in for tally in group),
        kept=sum(tally.kept for tally in group),
        dropped=dict(sorted(dropped.items())),
        tokens_in=sum(tally.tokens_in for tally in group),
        tokens_kept=sum(tally.tokens_kept for tally in group),
        tokens_dropped=dict(sorted(tokens_dropped.items())),
    )


def check_ledger(tallies: Iterable[Tally]) -> None:
    """Raise Refusal unless every tally balances and each stage takes in what the one before it kept."""
    before: dict[str, Tally] = {}
    for tally in tallies:
        tally.check()
        previous = before.get(tally.source)
        pairs = [] if previous is None else [("rows", previous.kept, tally.rows_in)]
        if previous is not None and previous.tokens_in:  # text is the stage from which tokens are counted
            pairs.append(("tokens", previous.tokens_kept, tally.tokens_in))
        for what, kept, given in pairs:
            if kept != given:
                raise Refusal(
                    f"ledger of source {tally.source}: the stage before {tally.stage} kept {kept} {what}, but "
                    f"{tally.stage} took in {given}. Some were lost or doubled between them; prepare it again.",
                    exit_code=1,
                )
        before[tally.source] = tally
