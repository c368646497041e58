"""What a terminal shows of a run: a bar a step with rates and remaining time, and the summary at its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from ..pipelines.journal import Journal, Step
from ..schemas.dataset import fill
from ..schemas.manifest import Manifest
from .tables import ledger_table


class TerminalJournal(Journal):
    """A journal that draws itself on standard error."""

    def __init__(self, quiet: bool = False) -> None:
        super().__init__()
        self._console = Console(stderr=True, quiet=quiet)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<16}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rates]}"),
            TimeRemainingColumn(),
            console=self._console,
        )

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        self._console.print(message, highlight=False)

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        """A bar for the step; what was found committed is done from the start."""
        with super().step(label, total, reused) as step, self._progress:
            task = self._progress.add_task(label, total=total, completed=reused, rates="")
            step.watch(lambda: self._progress.update(task, completed=reused + step.done, rates=_rates(step)))
            yield step


def _rates(step: Step) -> str:
    seconds = max(step.elapsed, 1e-9)
    parts = [
        f"{count / seconds:,.0f} {unit}/s" for count, unit in ((step.rows, "rows"), (step.tokens, "tokens")) if count
    ]
    return "  ".join(parts)


def summary(manifest: Manifest, out: str) -> dict[str, Any]:
    """The end of a run in numbers."""
    tokens: dict[str, int] = {}
    for source in manifest.statistics.sources.values():
        for modality, count in source.tokens.items():
            tokens[modality] = tokens.get(modality, 0) + count
    return {
        "out": out,
        "rows": manifest.statistics.rows,
        "shards": len(manifest.shards),
        "tokens": tokens,
        "fill": round(fill(manifest), 6),
        "fingerprint": manifest.fingerprint,
        "advice": too_long_advice(manifest),
    }


def too_long_advice(manifest: Manifest) -> list[str]:
    """A line for every source whose pairs were too long for a row."""
    return [
        f"{name}: {sum(source.too_long.values())} pairs need more than row_length {manifest.row_length}; "
        f"row_length {source.row_length_for(0.99)} would keep 99 % of them."
        for name, source in manifest.statistics.sources.items()
        if source.too_long
    ]


def print_summary(manifest: Manifest, out: str) -> None:
    """The ledger and the totals, for a person."""
    console = Console()
    console.print(ledger_table(manifest))
    facts = summary(manifest, out)
    tokens = ", ".join(f"{count:,} {modality}" for modality, count in facts["tokens"].items())
    console.print(f"{facts['rows']:,} rows in {facts['shards']} shards, {facts['fill']:.2%} full: {tokens} tokens.")
    for line in facts["advice"]:
        console.print(line)
    console.print(f"Dataset {manifest.name} at {out}. Next: triptych stats {out}", soft_wrap=True)
