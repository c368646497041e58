"""The report of all parts: one object for JSON, and one table."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .part import PARTS

COLUMNS = {
    "tokens_per_second": ("tokens/s", "{:,.0f}"),
    "mfu": ("MFU", "{:.1%}"),
    "step_ms": ("ms a step", "{:,.1f}"),
    "optimizer_share": ("optimizer", "{:.1%}"),
    "loader_wait_share": ("loader wait", "{:.2%}"),
    "noise_share": ("noise", "{:.1%}"),
    "GiB": ("GiB", "{:.1f}"),
}
REST = "other figures"


def collect(out: Path, facts: Mapping[str, str], ends: Mapping[str, str]) -> dict[str, Any]:
    """What the files of the parts hold, beside the facts of the device and how each part ended."""
    parts = {}
    for name in PARTS:
        file = out / f"{name}.json"
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        parts[name] = {"end": ends.get(name, "not started"), **found}
    return {"facts": dict(facts), "parts": parts}


def failures(report: Mapping[str, Any]) -> list[str]:
    """Names of the checks that failed and of the parts that did not end well."""
    found = []
    for name, part in report["parts"].items():
        found += [f"{name}: {label}" for label, each in part.get("figures", {}).items() if each.get("passed") is False]
        found += [f"{name}: {part['end']}"] if part["end"] != "done" else []
    return found


def show(report: Mapping[str, Any]) -> None:
    """Print the table, what was left out, and what failed."""
    table = Table("part", "case", *(title for title, _ in COLUMNS.values()), REST, title_justify="left")
    for name, part in report["parts"].items():
        for label, each in part.get("figures", {}).items():
            cells = [_cell(each.get(key), form) for key, (_, form) in COLUMNS.items()]
            rest = [f"{key} {value}" for key, value in each.items() if key not in COLUMNS and value is not None]
            table.add_row(name, label, *cells, ", ".join(rest))
    console = Console(width=200)
    console.print(table)
    for name, part in report["parts"].items():
        for label, why in part.get("left_out", {}).items():
            console.print(f"left out of {name}: {label}: {why}", markup=False)
    for failed in failures(report):
        console.print(f"FAILED {failed}", markup=False)


def _cell(value: Any, form: str) -> str:
    return form.format(value) if isinstance(value, int | float) else ""
