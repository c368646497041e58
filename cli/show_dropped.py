"""`triptych show --dropped`: list the rows that were dropped."""

import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..schemas.visible import print_line

if TYPE_CHECKING:
    from ..schemas.dataset.reader import Dataset


def list_dropped(
    dataset: "Dataset", reason: str | None, source: str | None, sample: int | None, seed: int, as_json: bool
) -> None:
    """Print dropped rows as they are read: text of some lines a row, or a JSON array with a row a line."""
    from ..pipelines.inspection.dropped import dropped_rows
    from .show_lines import print_dropped

    chosen = dropped_rows(dataset, reason, source, sample, seed)
    try:
        if as_json:
            _print_array(chosen.lines)
            return
        rows = sum(chosen.counts.values())
        drawn = "" if sample is None or sample >= rows else f"; {sample:,} of them, seed {seed}"
        print_line(f"{dataset.where}: {rows:,} rows{f' of {source}' if source else ''} were dropped{drawn}")
        for (stage, name), count in chosen.counts.items():
            print_line(f"{count:>12,}  {stage}: {name}")
        for line in chosen.lines:
            print_dropped(line)
    except BrokenPipeError:  # a program such as head has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_array(lines: Iterable[dict[str, Any]]) -> None:
    """Print a JSON array without holding it."""
    held = "["
    for line in lines:
        if held != "[":
            print_line(f"{held},")
        held = ("[" if held == "[" else " ") + json.dumps(line)
    print_line(f"{held}]")
