"""A preparation as `triptych watch` shows it, from the progress that it writes."""

from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table

from ..pipelines.engines.progress_file import RunProgress, StepState
from ..schemas.console import VisibleConsole, text
from ..schemas.dataset.manifest import MANIFEST
from ..schemas.storage.store import Store
from ..train.plain_log import duration
from .bars import bar
from .prepare_log import rates

SILENT = 120.0  # seconds without a new state from which on it is told
BAR = 12  # cells
SHOWN = 14  # steps that fit a screen
REASONS = 4


class WatchedPreparation:
    """A run of `triptych prepare` that has not ended, or that ended with an error."""

    def __init__(self, where: str, store: Store) -> None:
        self._where, self._store = where, store
        self._progress: RunProgress | None = None
        self._done = False
        self._now = datetime.now(UTC)
        self._told = set[str]()

    def look(self) -> bool:
        """Read the progress again; without its file, a dataset that is there is finished."""
        self._now = datetime.now(UTC)
        progress = RunProgress.read(self._store)
        self._done = progress is None and self._store.exists(MANIFEST)
        self._progress = progress or self._progress
        return self._done or (progress is not None and progress.failed is not None)

    def facts(self) -> dict[str, object]:
        """The progress, and how long ago it was written."""
        progress = self._progress
        body = progress.model_dump(mode="json") if progress else {}
        return {"what": "preparation", "state": self._state(), **body, "seconds_since_written": self._idle()}

    def _idle(self) -> float | None:
        return (self._now - self._progress.written).total_seconds() if self._progress else None

    def _state(self) -> str:
        if self._done:
            return "finished"
        if self._progress is None:
            return "not started, or of a version that wrote no progress"
        if self._progress.failed is not None:
            return "failed"
        silent = (self._idle() or 0.0) > SILENT
        return "running, or stopped: its state was not written lately" if silent else "running"

    def screen(self, console: VisibleConsole) -> RenderableType:
        """A headline, a table of the last steps, and what was dropped."""
        parts: list[RenderableType] = [text(self._where, "bold"), f"preparation: {self._state()}"]
        if self._progress is not None:
            parts += [self._table(self._progress, console.encoding.startswith("utf")), *self._rest(self._progress)]
        return Group(*parts)

    def _table(self, progress: RunProgress, unicode: bool) -> Table:
        table = Table(title=f"Steps, the last {min(SHOWN, len(progress.steps))}", title_justify="left")
        table.add_column("step", overflow="fold")
        table.add_column("", min_width=BAR)
        for name in ("partitions", "time", "left"):
            table.add_column(name, justify="right", no_wrap=True)
        for step in progress.steps[-SHOWN:]:
            done = step.reused + step.done
            share = done / step.partitions if step.partitions else 1.0
            counted = f"{done:,}/{step.partitions:,}"
            table.add_row(step.step, bar(share, BAR, unicode), counted, duration(self._seconds(step)), self._left(step))
        return table

    def _seconds(self, step: StepState) -> float:
        return step.seconds + ((self._idle() or 0.0) if step.running else 0.0)

    def _left(self, step: StepState) -> str:
        if not step.running:
            return ""
        return "-" if step.left is None else duration(step.left)

    def _rest(self, progress: RunProgress) -> list[str]:
        running = [step for step in progress.steps if step.running]
        speeds = [f"{step.step}{rates(step.rows, step.tokens, step.seconds)}" for step in running]
        peak = f", at most {progress.peak_bytes / 1e9:.1f} GB of memory each" if progress.peak_bytes else ""
        found = [
            f"engine {progress.engine}, {progress.workers:,} worker process{'es' * (progress.workers != 1)}{peak}, "
            f"{duration((progress.written - progress.begun).total_seconds())} so far",
            *(line for line in speeds if "/s" in line),
        ]
        if progress.dropped:
            first = [f"{count:,} {reason}" for reason, count in list(progress.dropped.items())[:REASONS]]
            more = len(progress.dropped) - len(first)
            found.append(f"dropped so far: {', '.join(first)}{f', and {more} more reasons' * (more > 0)}")
        found += progress.messages[-3:]
        if progress.failed is not None:
            found += [f"It ended: {progress.failed}", "The same command goes on where it stopped."]
        return found

    def news(self) -> list[str]:
        """A line when a step begins and when it ends, and whenever partitions were done in between."""
        found = []
        for number, step in enumerate(self._progress.steps if self._progress else ()):
            line = f"{step.step}: {step.reused + step.done:,} of {step.partitions:,} partitions"
            line += rates(step.rows, step.tokens, step.seconds)
            if step.running and step.left is not None:
                line += f", {duration(step.left)} left"
            key = f"{number} {step.done} {step.running}"
            if key not in self._told:
                self._told.add(key)
                found.append(line if step.running else f"{line}, done in {duration(step.seconds)}")
        for message in (*self._progress.messages,) if self._progress else ():
            if message not in self._told:
                self._told.add(message)
                found.append(message)
        state = self._state()
        if state not in self._told:
            self._told.add(state)
            found.append(f"{self._where}: {state}")
            if self._progress is not None and self._progress.failed is not None:
                found.append(f"It ended: {self._progress.failed}")
        return found
