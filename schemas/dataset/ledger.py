"""The ledger: for every stage and source, rows in = kept + dropped by reason, and the same for tokens.

Partitions count on their own, and their tallies are merged in any order. The dropped rows are a table (DROPPED).
"""

from collections import Counter
from collections.abc import Iterable

from pydantic import Field, NonNegativeInt

from ..base import Strict
from ..errors import Refusal


class Tally(Strict):
    """Row and token counts of one stage for one source."""

    stage: str
    source: str
    rows_in: NonNegativeInt = 0
    kept: NonNegativeInt = 0
    dropped: dict[str, NonNegativeInt] = Field(default_factory=dict)
    tokens_in: NonNegativeInt = 0
    tokens_kept: NonNegativeInt = 0
    tokens_dropped: dict[str, NonNegativeInt] = Field(default_factory=dict)

    def check(self) -> None:
        """Check that every row and every token is counted as kept or dropped.

        Raises:
            Refusal: A count does not add up.
        """
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
    """Sum tallies by stage and source, in the order of first appearance."""
    groups: dict[tuple[str, str], list[Tally]] = {}
    for tally in tallies:
        groups.setdefault((tally.stage, tally.source), []).append(tally)
    return [_sum(group) for group in groups.values()]


def _sum(group: list[Tally]) -> Tally:
    dropped: Counter[str] = Counter()
    tokens_dropped: Counter[str] = Counter()
    for tally in group:
        for counted, counts in ((dropped, tally.dropped), (tokens_dropped, tally.tokens_dropped)):
            for reason, count in counts.items():  # most are empty, for which `update` takes its time
                counted[reason] += count
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


def main_reason(tallies: Iterable[Tally]) -> tuple[str, str, int]:
    """Find what dropped most rows: (stage, reason, rows), the first by name among equals.

    Args:
        tallies: Tallies with at least one dropped row.
    """
    counts = Counter({(tally.stage, reason): rows for tally in tallies for reason, rows in tally.dropped.items()})
    (stage, reason), rows = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return stage, reason, rows


def check_ledger(tallies: Iterable[Tally]) -> None:
    """Check that every tally adds up and that each stage took in what the previous stage kept.

    Raises:
        Refusal: A count does not add up.
    """
    before: dict[str, Tally] = {}
    for tally in tallies:
        tally.check()
        previous = before.get(tally.source)
        pairs = [] if previous is None else [("rows", previous.kept, tally.rows_in)]
        if previous is not None and previous.tokens_in:  # tokens are counted only from the tokenize stage on
            pairs.append(("tokens", previous.tokens_kept, tally.tokens_in))
        for what, kept, given in pairs:
            if kept != given:
                raise Refusal(
                    f"ledger of source {tally.source}: the stage before {tally.stage} kept {kept} {what}, but "
                    f"{tally.stage} took in {given}. Some were lost or duplicated between them; prepare it again.",
                    exit_code=1,
                )
        before[tally.source] = tally
