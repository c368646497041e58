"""Where a training says how it goes: its progress on the terminal, and the metrics in the run's folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..schemas.config.training import TrainConfig
from .data.plan import Plan
from .distributed.process_group import ProcessGroup
from .metrics import Metrics
from .plain_log import PlainLog
from .progress import Progress, progress_of, start_line


class Reports:
    """Progress and metrics of a training.

    Args:
        progress: The progress; silent in all processes but rank 0.
        metrics: The metrics, on rank 0.
    """

    def __init__(self, progress: Progress | PlainLog, metrics: Metrics | None) -> None:
        self._progress, self._metrics = progress, metrics

    def step(self, step: int, line: Mapping[str, Any]) -> None:
        """Report the figures of the steps since the last line."""
        self._progress.show(step, line)
        if self._metrics is not None:
            self._metrics.write(line)

    def validation(self, line: Mapping[str, Any]) -> None:
        """Report the figures of a validation."""
        self._progress.validated(line)
        if self._metrics is not None:
            self._metrics.write(line)

    def print_line(self, message: str) -> None:
        """Print a line on the terminal."""
        self._progress.print_line(message)


@contextmanager
def open_reports(
    folder: Path, plan: Plan, config: TrainConfig, process: ProcessGroup, done: int, parameters: int
) -> Iterator[Reports]:
    """Open the reports of a training that has done `done` steps; lines that wait are written at its end.

    Args:
        folder: Folder of the run.
        plan: Its plan.
        config: Its train file.
        process: The processes that train.
        done: Steps that were done before.
        parameters: Number of parameters of the model.
    """
    metrics = Metrics(folder, done, config.log) if process.first else None
    line = start_line(folder, plan, done, parameters, process)
    with progress_of(config.steps, done, process.first, line) as progress:
        yield Reports(progress, metrics)
    if metrics is not None:
        metrics.close()
