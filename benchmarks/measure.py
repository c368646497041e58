"""What every benchmark here needs: CPU time, spreads, the machine in words, a table and JSON."""

import json
import os
import platform
import resource
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table


def cpu_seconds(action: Callable[[], Any]) -> float:
    """CPU time, of this process and of children it waits for, while `action` runs."""

    def used() -> float:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    start = used()
    action()
    return used() - start


def spread(values: Sequence[float]) -> dict[str, float]:
    """Least, middle and greatest."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def machine() -> str:
    """What the figures were taken on."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def show(title: str, figures: Mapping[str, Mapping[str, float]], facts: Mapping[str, Any], as_json: bool) -> None:
    """Print spreads as a table, or everything as one JSON object."""
    if as_json:
        click.echo(json.dumps({"title": title, "machine": machine(), **facts, "figures": figures}))
        return
    table = Table("", "min", "median", "max", title=f"{title}\n{machine()}", title_justify="left")
    for name, figure in figures.items():
        table.add_row(name, *(f"{figure[key]:,.3g}" for key in ("min", "median", "max")))
    Console(width=100).print(table)
    for name, fact in facts.items():
        click.echo(f"{name}: {fact}")
