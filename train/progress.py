"""Progress bar of a training run: steps, tokens per second, loss by modality, remaining time."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ..schemas.console import VisibleConsole
from .data.plan import Plan
from .distributed.process_group import ProcessGroup
from .plain_log import PlainLog, validation_line


class Progress:
    """Progress bar; silent in all processes but rank 0."""

    def __init__(self, steps: int, done: int, shown: bool) -> None:
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeRemainingColumn(),
        )
        self._bar = Bar(*columns, console=VisibleConsole(stderr=True, quiet=not shown))
        self._task = self._bar.add_task("training", total=steps, completed=done, figures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def print_line(self, message: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(message)

    def show(self, step: int, line: Mapping[str, Any]) -> None:
        """Show the figures of a metrics line."""
        bits = "  ".join(f"{name} {value:.2f}" for name, value in line["nelbo"].items())
        mfu = f"  {line['mfu']:.1%} MFU" if "mfu" in line else ""
        figures = f"{line['tokens_per_second']:,.0f} tokens/s{mfu}  bits: {bits}"
        self._bar.update(self._task, completed=step, figures=figures)

    def validated(self, line: Mapping[str, Any]) -> None:
        """Print the figures of a validation above the bar."""
        self.print_line(validation_line(line))


def progress_of(steps: int, done: int, shown: bool, start: str) -> Progress | PlainLog:
    """The progress of a training: a bar on a terminal, plain lines elsewhere.

    Args:
        steps: Steps of the run.
        done: Steps that were done before.
        shown: Whether this process prints.
        start: What the log begins with.
    """
    if VisibleConsole(stderr=True).is_terminal:
        return Progress(steps, done, shown)
    return PlainLog(steps, done, shown, start)


def start_line(folder: Path, plan: Plan, done: int, parameters: int, process: ProcessGroup) -> str:
    """What the log of a training begins with.

    Args:
        folder: Folder of the run.
        plan: Its plan.
        done: Steps that were done before.
        parameters: Number of parameters of the model.
        process: The processes that train.
    """
    if done >= plan.steps:
        return f"training {folder}: all {plan.steps:,} steps were done before"
    device = f"{process.world} x {process.device.type}" if process.world > 1 else process.device.type
    return (
        f"training {folder} on {device}: {parameters:,} parameters, steps {done + 1:,} to {plan.steps:,} of "
        f"{plan.rows:,} rows of {plan.row_length:,} tokens"
    )
