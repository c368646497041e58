"""Progress of a training where there is no terminal, as in the log of a batch system: plain lines, each flushed.

One line at the start, one a logged step, one a validation. Where there is a terminal, `progress.py` draws a bar.
"""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ..schemas.visible import print_line

LONGEST = 1e12  # seconds that are told


class PlainLog:
    """Lines on standard error; silent in all processes but rank 0."""

    def __init__(self, steps: int, done: int, shown: bool, start: str = "") -> None:
        self._steps, self._first, self._shown, self._start = steps, done, shown, start
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        self.print_line(self._start)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def print_line(self, message: str) -> None:
        """Print a line."""
        if self._shown and message:
            print_line(message, err=True)

    def show(self, step: int, line: Mapping[str, Any]) -> None:
        """Print the figures of a metrics line, and the time that is left at the mean speed so far."""
        left = (time.monotonic() - self._begun) / max(step - self._first, 1) * (self._steps - step)
        self.print_line(step_line(line, step, self._steps, left))

    def validated(self, line: Mapping[str, Any]) -> None:
        """Print the figures of a validation."""
        self.print_line(validation_line(line))


def step_line(line: Mapping[str, Any], step: int, steps: int | None, left: float | None) -> str:
    """The figures of a logged step in words, with the seconds that are left."""
    mfu = f", {line['mfu']:.1%} MFU" if line.get("mfu") is not None else ""
    of = f" of {steps:,}" if steps is not None else ""
    remaining = f", {duration(left)} left" if left is not None else ""
    return (
        f"step {step:,}{of}: loss {_figure(line.get('loss'), 3)}, bits per token {bits_of(line)}, gradient norm "
        f"{_figure(line.get('grad_norm'), 2)}, {line.get('tokens_per_second') or 0:,.0f} tokens/s{mfu}{remaining}"
    )


def validation_line(line: Mapping[str, Any]) -> str:
    """The figures of a validation in words."""
    what = "held-out documents" if line["split"] == "validation" else "validation datasets"
    weights = ", moving average of the weights" if line.get("weights") == "ema" else ""
    return f"step {line['step']:,}, validation on {what}{weights}: bits per token {bits_of(line)}"


def bits_of(line: Mapping[str, Any]) -> str:
    """Bits per token by modality; a metrics line has none of a modality without targets."""
    return ", ".join(f"{name} {_figure(value, 3)}" for name, value in (line.get("nelbo") or {}).items()) or "none"


def _figure(value: float | None, digits: int) -> str:
    """A figure; in the file of metrics, one that is not finite is None."""
    return "not finite" if value is None else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """A duration in words: the two largest units of days, hours, minutes and seconds."""
    units = [(86400, "d"), (3600, "h"), (60, "min"), (1, "s")]
    whole = round(min(max(seconds, 0.0), LONGEST))
    parts = []
    for size, name in units:
        count, whole = divmod(whole, size)
        parts.append((count, name))
    first = next((at for at, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {name}" for count, name in parts[first : first + 2] if count or name == parts[first][1])
