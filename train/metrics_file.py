"""Reads the file of training metrics; without torch, for those who only look at it.

A run may be someone else's, so a line is taken only if its figures are of the types that a training writes.
"""

import json
import math
from pathlib import Path
from typing import Any

FILE = "metrics.jsonl"
LARGEST = 2**63
NUMBERS = frozenset(
    ("loss", "grad_norm", "clipped", "lr", "tokens_per_second", "flops_per_second", "mfu", "left_out", "tokens")
)
TABLES = frozenset(("nelbo", "nelbo_error", "nelbo_by_codebook", "rates", "targets"))  # name -> figure
WORDS = frozenset(("split", "weights"))
LONGEST_WORD = 100


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """The metrics of a run, without lines that a kill, a full disk or a power cut left incomplete."""
    path = folder / FILE
    return parse_lines(path.read_bytes()) if path.exists() else []


def parse_lines(data: bytes) -> list[dict[str, Any]]:
    """The lines of the bytes of the file, up to the last line break; those that no training writes are left out."""
    lines = data.decode(errors="replace").split("\n")[:-1]
    return [read for line in lines if is_metrics(read := _parsed(line))]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def is_metrics(line: Any) -> bool:
    """Whether a parsed line has a step, and its figures have the types that a training gives them."""
    if not isinstance(line, dict) or not _is_count(line.get("step")):
        return False
    return all(_fits(name, value) for name, value in line.items())


def _fits(name: str, value: Any) -> bool:
    if name in NUMBERS:
        return _is_figure(value)
    if name in TABLES:
        return isinstance(value, dict) and all(map(_is_figure, value.values()))
    if name == "ce_by_ratio":
        return isinstance(value, dict) and all(
            _fits("nelbo", each) and all(map(_is_ratio, each)) for each in value.values()
        )
    return name not in WORDS or (isinstance(value, str) and len(value) <= LONGEST_WORD)


def _is_ratio(name: str) -> bool:
    try:
        return 0 <= float(name) <= 1
    except ValueError:
        return False


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST


def _is_figure(value: Any) -> bool:
    """A number of this size, or None where it was not finite."""
    if value is None:
        return True
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (abs(value) < LARGEST if isinstance(value, int) else math.isfinite(value))
    )
