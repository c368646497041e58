"""The way of the rows from the sources to the packed rows: what each stage kept, and what it dropped and why."""

from collections import Counter
from dataclasses import dataclass, field

from ....schemas.dataset.manifest import Manifest

# In the order in which a run does them (`pipelines/publish.py`); `dedup-…` stands for one stage a modality.
STAGES = {
    "read": "Read from the sources",
    "normalise": "Decoded and checked",
    "takedown": "Not on the takedown list",
    "filter": "Passed the filters",
    "dedup": "Not a duplicate",
    "decontaminate": "Not in an evaluation set",
    "image": "Images encoded",
    "audio": "Audio encoded",
    "text": "Text encoded",
    "pack": "Packed into rows",
}


@dataclass
class FunnelStep:
    """One stage over all sources."""

    stage: str
    label: str
    rows_in: int = 0
    kept: int = 0
    remaining: int = 0  # rows left over all sources after this stage, also of those that do not pass through it
    dropped: Counter[str] = field(default_factory=Counter)
    by_source: dict[tuple[str, str], int] = field(default_factory=dict)  # (source, reason) -> rows


@dataclass(frozen=True)
class Funnel:
    """All stages of a run."""

    read: int
    kept: int
    steps: tuple[FunnelStep, ...]
    evaluation_rows: int  # rows of evaluation sets, which are read as well but never packed


def funnel(manifest: Manifest, source: str | None = None) -> Funnel:
    """Sum up the ledger over the sources.

    Args:
        manifest: The manifest.
        source: Only this source.
    """
    names = [each["name"] for each in manifest.config["sources"]]
    ledger = [tally for tally in manifest.ledger if tally.source in names and source in (None, tally.source)]
    firsts: dict[str, int] = {}
    for tally in ledger:
        firsts.setdefault(tally.source, tally.rows_in)
    left = dict(firsts)
    steps = {name: FunnelStep(name, label) for name, label in STAGES.items()}
    entered: dict[str, set[str]] = {name: set() for name in STAGES}
    for name, step in steps.items():
        for tally in ledger:
            if tally.stage.partition("-")[0] != name:
                continue
            if tally.source not in entered[name]:
                entered[name].add(tally.source)
                step.rows_in += tally.rows_in
            step.dropped.update(tally.dropped)
            for reason, rows in tally.dropped.items():
                step.by_source[tally.source, reason] = step.by_source.get((tally.source, reason), 0) + rows
            left[tally.source] = tally.kept
        step.kept = step.rows_in - sum(step.dropped.values())
        step.remaining = sum(left.values())
    others = {tally.source: tally.rows_in for tally in reversed(manifest.ledger) if tally.source not in names}
    shown = tuple(step for name, step in steps.items() if entered[name])
    return Funnel(sum(firsts.values()), sum(left.values()), shown, sum(others.values()))
