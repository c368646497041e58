"""Figures of one part of the benchmark, written as JSON with every figure: what a time limit cuts off is the rest."""

import json
import math
import os
import time
from pathlib import Path
from typing import Any


class Record:
    """The figures of a part, and what of it was left out, in a file that is whole at any moment."""

    def __init__(self, file: Path, seconds: float) -> None:
        """Begin a part.

        Args:
            file: JSON file.
            seconds: Time that the part has; it starts nothing that would not be done by then.
        """
        self._file = file
        self._begun = time.monotonic()
        self._seconds = seconds
        self.figures: dict[str, dict[str, Any]] = {}
        self.left_out: dict[str, str] = {}
        self._write()

    def add(self, name: str, **values: Any) -> None:
        """Keep the values of a case; `passed` of a check is a truth value."""
        self.figures[name] = values
        self._write()

    def leave_out(self, name: str, why: str) -> None:
        """Keep why a case was not measured."""
        self.left_out[name] = why
        self._write()

    def has_time(self, name: str, seconds: float = 0.0) -> bool:
        """Whether a case that takes so many seconds can be started; else it is left out by its name."""
        if time.monotonic() - self._begun + seconds <= self._seconds:
            return True
        self.leave_out(name, "no time was left")
        return False

    def _write(self) -> None:
        told = {"seconds": round(time.monotonic() - self._begun, 1), "figures": self.figures, "left_out": self.left_out}
        write_json(self._file, told)


def write_json(file: Path, value: Any) -> None:
    """Write a file of JSON in one go. Figures have four digits; JSON has no NaN, so one is the word."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(_rounded(value), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(new, file)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else str(value)
    return value
