"""Peak memory and time of near-duplicate detection by the number of documents.

    python -m benchmarks.near_memory --model text.model [--documents 250000 --documents 1000000] [--workers 1] [--json]

Documents are made up: words drawn by Zipf's law from 50,000, about 60 a document; every tenth document is another one
with a few words replaced. Each run is a process of its own that prepares the whole dataset, and says its workers' and
its driver's peak in `run.json`. Edges are what near duplicates are joined by; they are what may grow.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from .measure import machine
from .memory import measure

WORDS = 50_000
LENGTH = 60
FILE = 50_000  # documents
COPIED = 10  # one document in so many is another one, edited
REPLACED = 1  # words of it


def write_documents(folder: Path, count: int) -> None:
    """JSON lines of `count` documents; the first of a larger corpus are those of a smaller one."""
    names = np.array([f"w{number:05d}" for number in range(WORDS)])
    chance = 1 / np.arange(1, WORDS + 1)
    steps = np.cumsum(chance / chance.sum())
    for start in range(0, count, FILE):
        draw = np.random.default_rng(start)
        many = min(FILE, count - start)
        words = np.searchsorted(steps, draw.random((many, LENGTH))).clip(max=WORDS - 1)
        copies = np.arange(COPIED - 1, many, COPIED)
        words[copies] = words[copies - draw.integers(1, COPIED, len(copies))]
        words[copies[:, None], draw.integers(0, LENGTH, (len(copies), REPLACED))] = draw.integers(
            0, WORDS, (len(copies), REPLACED)
        )
        lines = (json.dumps({"text": " ".join(row)}) for row in names[words].tolist())
        (folder / f"{start:09d}.jsonl").write_text("\n".join(lines))


@click.command()
@click.option("--model", required=True, type=click.Path(exists=True), help="A SentencePiece model.")
@click.option("--documents", "counts", type=int, multiple=True, default=(250_000, 1_000_000), show_default=True)
@click.option("--workers", default=1, show_default=True, help="Dask workers; 0 is the serial engine.")
@click.option("--json", "as_json", is_flag=True)
def main(model: str, counts: tuple[int, ...], workers: int, as_json: bool) -> None:
    """Prepare made-up documents with near duplicates, so many and then more."""
    engine: dict[str, Any] = {"kind": "dask", "workers": workers} if workers else {"kind": "serial"}
    figures = {}
    for count in counts:
        with TemporaryDirectory() as folder:
            write_documents(Path(folder), count)
            figures[f"{count:,}"] = measure(Path(folder), model, engine, dedup={"text": {"near": {"threshold": 0.7}}})
    if as_json:
        click.echo(json.dumps({"machine": machine(), "engine": engine, "figures": figures}))
        return
    first = next(iter(figures.values()))
    table = Table("documents", *first, title=f"Near duplicates, {engine}\n{machine()}", title_justify="left")
    for name, figure in figures.items():
        table.add_row(name, *(f"{value:,}" for value in figure.values()))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
