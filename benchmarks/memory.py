"""Peak memory of `prepare`'s text path, for a corpus and for one several times its size.

    python -m benchmarks.memory DOCS.jsonl.gz… --model text.model [--megabytes 16] [--times 8] [--workers 2] [--json]

Every run is a process of its own, in a fresh folder, and says its workers' and its driver's peak in `run.json`. The
larger corpus is the smaller one several times over, as files of their own: no step knows that they are alike.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from .measure import machine
from .text_path import write_corpus

PREPARE = "from triptych.cli.main import main; main()"


def measure(corpus: Path, model: str, engine: dict[str, Any], dedup: dict[str, Any] | None = None) -> dict[str, float]:
    """Megabytes at the peak of a worker and of the driver, and what was worked through."""
    with tempfile.TemporaryDirectory() as folder:
        source = {"name": "docs", "kind": "jsonl", "path": f"{corpus}/*.jsonl", "modality": "text", "text": "text"}
        run = {
            "name": "memory",
            "out": f"{folder}/out",
            "engine": engine,
            "sources": [source],
            "tokenizers": {"text": {"kind": "sentencepiece", "path": str(Path(model).resolve())}},
            "partition_bytes": 4_000_000,
            "pack": {"shard_bytes": 8_000_000},
            "dedup": dedup or {},
        }
        Path(folder, "run.yaml").write_text(yaml.safe_dump(run))
        command = [sys.executable, "-c", PREPARE, "prepare", f"{folder}/run.yaml", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"prepare failed: {done.stderr}")
        report = json.loads(Path(folder, "out/run.json").read_text())
        partitions = next(step["partitions"] for step in report["steps"] if step["step"] == "text")
        near = {}
        if dedup:
            edges = sum(path.stat().st_size for path in Path(folder, "out/_work/near-edges").iterdir())
            names = ("sign-", "distinct", "near-", "labels", "duplicates", "dedup-")
            seconds = sum(step["seconds"] for step in report["steps"] if step["step"].startswith(names))
            near = {"edges_mb": round(edges / 1e6, 1), "near_seconds": round(seconds, 1)}
    return {
        "worker_mb": round(report["peak_bytes_of_a_worker"] / 1e6, 1),
        "driver_mb": round(report["peak_bytes_of_the_driver"] / 1e6, 1),
        "partitions": partitions,
        "seconds": report["seconds"],
        **near,
    }


@click.command()
@click.argument("docs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--model", required=True, type=click.Path(exists=True), help="A SentencePiece model.")
@click.option("--megabytes", default=16, show_default=True, help="Text of the smaller corpus.")
@click.option(
    "--times", type=click.IntRange(2), default=8, show_default=True, help="The larger corpus, in smaller ones."
)
@click.option("--workers", default=2, show_default=True, help="Dask workers; 0 is the serial engine.")
@click.option("--json", "as_json", is_flag=True)
def main(docs: tuple[str, ...], model: str, megabytes: int, times: int, workers: int, as_json: bool) -> None:
    """Prepare the first megabytes of DOCS, then several times as much."""
    engine = {"kind": "dask", "workers": workers} if workers else {"kind": "serial"}
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder)
        write_corpus(docs, megabytes, corpus)
        parts = sorted(corpus.iterdir())
        figures["1x"] = measure(corpus, model, engine)
        for copy in range(1, times):
            for part in parts:
                (corpus / f"{copy}-{part.name}").hardlink_to(part)
        figures[f"{times}x"] = measure(corpus, model, engine)
    if as_json:
        click.echo(json.dumps({"machine": machine(), "megabytes": megabytes, "engine": engine, "figures": figures}))
        return
    table = Table("corpus", *figures["1x"], title=f"Peak memory, {engine}\n{machine()}", title_justify="left")
    for name, figure in figures.items():
        table.add_row(name, *(f"{value:,}" for value in figure.values()))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
