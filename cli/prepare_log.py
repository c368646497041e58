"""Progress of a preparation where there is no terminal, as in the log of a batch system: plain lines, each flushed.

A line when a step begins, one every half minute while it lasts, and one when it ends.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..pipelines.engines.journal import Journal, Step
from ..pipelines.engines.worker_board import WorkerBoard
from ..schemas.config.run import RunConfig
from ..schemas.secrets import shown, without_secrets
from ..schemas.visible import print_line
from ..train.plain_log import duration
from .cluster_view import PlainLines

PAUSE = 30.0  # seconds between two lines of a step


class PlainJournal(Journal):
    """A journal that prints lines on standard error."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self._workers = PlainLines()
        self._config: RunConfig | None = config  # None once its line is printed

    def say(self, message: str) -> None:
        """Print a message."""
        super().say(message)
        self._print(shown(message))

    def show_workers(self, board: WorkerBoard) -> None:
        """Print a line a minute about the workers of a cluster."""
        steps = [f"{step.label} {step.reused + step.done}/{step.total}" for step in self.steps if not step.seconds]
        for line in self._workers.due(board, steps):
            self._print(shown(line))

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        """Print lines about a step; partitions that were committed before are counted apart."""
        with super().step(label, total, reused) as step:
            last: float | None = None  # when a line was printed

            def advanced() -> None:
                nonlocal last
                missing = step.total - step.reused - step.done
                if last is None and missing:
                    last = time.monotonic()
                    self._print(f"{label} begins")
                elif last is not None and step.done and missing and time.monotonic() - last >= PAUSE:
                    last = time.monotonic()
                    left = duration(step.elapsed / step.done * missing)
                    self._print(f"{label}: {_done(step)}{rates(step.rows, step.tokens, step.elapsed)}, {left} left")

            step.watch(advanced)
            advanced()
            yield step
        if step.done:
            speed = rates(step.rows, step.tokens, step.seconds)
            self._print(f"{label}: {_done(step)} in {duration(step.seconds)}{speed}")
        elif step.total:
            self._print(f"{label}: {_done(step)} before")

    def _print(self, message: str) -> None:
        """Print a line, and before the first one what is prepared; a run that is refused at once prints neither."""
        if self._config is not None:
            config, self._config = self._config, None
            sources = ", ".join(source.name for source in config.sources)
            out = without_secrets(config.out)
            print_line(f"preparing {config.name} in {out}, engine {config.engine.kind}: {sources}", err=True)
        print_line(message, err=True)


def _done(step: Step) -> str:
    return f"{step.reused + step.done:,} of {step.total:,} partition{'s' * (step.total != 1)} done"


def rates(rows: int, tokens: int, seconds: float) -> str:
    """Rows and tokens per second, as far as they were counted, each with a comma before it."""
    counted = ((rows, "rows"), (tokens, "tokens"))
    return "".join(f", {count / max(seconds, 1e-9):,.0f} {unit}/s" for count, unit in counted if count)
