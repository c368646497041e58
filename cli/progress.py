"""Progress of a preparation in the terminal: one bar per step with rates and remaining time, and a final summary."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from ..pipelines.engines.journal import Journal, Step
from ..pipelines.inspection.stats import stats
from ..pipelines.prepare import prepare
from ..schemas.config.run import RunConfig
from ..schemas.console import console, spinner
from ..schemas.dataset.ledger import merge
from ..schemas.dataset.manifest import Manifest
from ..schemas.secrets import shown, without_secrets
from .fit_tables import fit
from .prepare_log import PlainJournal
from .tables import ledger_table


class TerminalJournal(Journal):
    """A journal that draws progress bars on standard error."""

    def __init__(self, quiet: bool = False) -> None:
        super().__init__()
        self._console = console(stderr=True, quiet=quiet)

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        super().say(message)
        self._console.print(shown(message))

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        """Draw a bar for the step; partitions that were committed before count as done."""
        columns = (
            SpinnerColumn(spinner(self._console)),
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rates]}", markup=False),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with super().step(label, total, reused) as step, Progress(*columns, console=self._console) as progress:
            task = progress.add_task(label, total=total, completed=reused, rates="")
            step.watch(lambda: progress.update(task, completed=reused + step.done, rates=_rates(step)))
            yield step


def _rates(step: Step) -> str:
    seconds = max(step.elapsed, 1e-9)
    parts = [
        f"{count / seconds:,.0f} {unit}/s" for count, unit in ((step.rows, "rows"), (step.tokens, "tokens")) if count
    ]
    return "  ".join(parts)


def prepare_in_terminal(config: RunConfig, quiet: bool = False) -> Manifest:
    """Prepare a dataset with its progress (unless `quiet`); if it ends early, print the ledger so far."""
    journal = TerminalJournal(quiet) if quiet or console(stderr=True).is_terminal else PlainJournal(config)
    try:
        return prepare(config, journal)
    except BaseException:
        if tallies := merge(journal.tallies):
            order = [source.name for source in (*config.sources, *config.decontaminate)]
            ledger = sorted(tallies, key=lambda tally: order.index(tally.source))
            console(stderr=True).print(
                ledger_table(ledger, f"Ledger until the run ended in step {journal.steps[-1].label}")
            )
        raise


def summary(manifest: Manifest, out: str) -> dict[str, Any]:
    """Totals of a finished preparation."""
    facts = stats(manifest)
    return {"out": without_secrets(out)} | {
        key: facts[key] for key in ("rows", "shards", "tokens", "fill", "advice", "fingerprint")
    }


def print_summary(manifest: Manifest, out: str) -> None:
    """Print the ledger and the totals as tables and text."""
    screen = console()
    for block in fit(ledger_table(manifest.ledger), screen.width):
        screen.print(block)
    facts = summary(manifest, out)
    tokens = ", ".join(f"{count:,} {modality}" for modality, count in facts["tokens"].items())
    screen.print(f"{facts['rows']:,} rows in {facts['shards']} shards, {facts['fill']:.2%} full: {tokens} tokens.")
    for line in facts["advice"]:
        screen.print(line, soft_wrap=True)
    where = without_secrets(out)
    screen.print(f"Dataset {manifest.name} at {where}. Next: triptych stats {where}", soft_wrap=True)
