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
from .tables import ledger_table


class TerminalJournal(Journal):
    """A journal that draws progress bars on standard error."""

    def __init__(self, quiet: bool = False) -> None:
        super().__init__()
        self._console = console(stderr=True, quiet=quiet)
        self._display: Progress | None = None
        self._open = 0  # steps that are drawn

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        self._console.print(shown(message))

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        """Draw a bar for the step; partitions that were committed before count as done.

        The bars of steps that are under way at the same time are drawn together, below those of the steps before.
        """
        with super().step(label, total, reused) as step, self._bars() as bars:
            task = bars.add_task(label, total=total, completed=reused, rates="")

            def update() -> None:
                bars.update(task, total=step.total, completed=step.reused + step.done, rates=_rates(step))

            step.watch(update)
            try:
                yield step
            finally:
                bars.stop_task(task)

    @contextmanager
    def _bars(self) -> Iterator[Progress]:
        """Begin a display with the first of the steps, and end it with the last."""
        if self._display is None:
            columns = (
                SpinnerColumn(spinner(self._console)),
                TextColumn("{task.description:<12}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rates]}", markup=False),
                TimeRemainingColumn(elapsed_when_finished=True),
            )
            self._display = Progress(*columns, console=self._console)
            self._display.start()
        self._open += 1
        try:
            yield self._display
        finally:
            self._open -= 1
            if not self._open:
                self._display.stop()
                self._display = None


def _rates(step: Step) -> str:
    seconds = max(step.elapsed, 1e-9)
    parts = [
        f"{count / seconds:,.0f} {unit}/s" for count, unit in ((step.rows, "rows"), (step.tokens, "tokens")) if count
    ]
    return "  ".join(parts)


def prepare_in_terminal(config: RunConfig, quiet: bool = False) -> Manifest:
    """Prepare a dataset with progress bars (unless `quiet`); if it ends early, print the ledger so far."""
    journal = TerminalJournal(quiet)
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
