"""CPU seconds of resuming a finished run, by its number of partitions, and what 100,000 partitions would take.

    python -m benchmarks.resume [--files 10 --files 40] [--json]

Each run reads files of some 24 partitions of a few hundred bytes with the serial engine, and is then run again in a
process of its own, which is measured: it reads the list and the index of the commits of each stage, adds up the ledger,
and compares the manifest. The slope between the sizes is the cost of a partition.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.run import RunConfig

LINES = 800  # documents of a file
MANY = 100_000  # partitions


def config_of(root: Path) -> RunConfig:
    """The run file of a run below a folder."""
    source = {"name": "docs", "kind": "jsonl", "path": f"{root}/in/*.jsonl", "text": "text"}
    return RunConfig.model_validate(
        {
            "name": "resumed",
            "out": str(root / "out"),
            "engine": {"kind": "serial"},
            "row_length": 256,
            "partition_bytes": 1024,
            "sources": [source],
            "tokenizers": {"text": {"kind": "sentencepiece", "vocab_size": 300}},
        }
    )


def write_inputs(root: Path, files: int) -> None:
    """Write the inputs below a folder."""
    (root / "in").mkdir(parents=True)
    for file in range(files):
        texts = (f"document {file} {line} with some words" for line in range(LINES))
        path = root / "in" / f"{file:06d}.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def run_again(root: Path) -> tuple[int, float, float]:
    """Run it; returns the number of partitions, CPU seconds and wall seconds."""
    journal, wall, cpu = Journal(), time.perf_counter(), time.process_time()
    prepare(config_of(root), journal)
    parts = {step.label: step.total for step in journal.steps}
    return parts["text"], time.process_time() - cpu, time.perf_counter() - wall


# twice, since the first time imports what it needs
_AGAIN = """import json, sys
from pathlib import Path
from benchmarks.resume import run_again
run_again(Path(sys.argv[1]))
print(json.dumps(run_again(Path(sys.argv[1]))))"""


def measure_resume(files: int) -> dict[str, float]:
    """Prepare a corpus of some files, and resume it in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="triptych-") as scratch:
        root = Path(scratch)
        write_inputs(root, files)
        run_again(root)
        command = [sys.executable, "-c", _AGAIN, str(root)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        partitions, cpu, wall = json.loads(done.stdout.splitlines()[-1])
    return {"files": files, "partitions": partitions, "CPU seconds": round(cpu, 3), "seconds": round(wall, 3)}


def resume(files: tuple[int, ...]) -> dict[str, Any]:
    """Measure runs of several sizes, and extend the line through them to MANY partitions."""
    runs = [measure_resume(count) for count in files]
    slope, start = np.polyfit([run["partitions"] for run in runs], [run["CPU seconds"] for run in runs], 1)
    return {
        "runs": runs,
        "CPU milliseconds of a partition": round(1e3 * slope, 3),
        f"CPU seconds of {MANY:,} partitions": round(start + MANY * slope, 1),
    }


@click.command()
@click.option("--files", type=click.IntRange(1), multiple=True, default=(10, 40), show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[int, ...], as_json: bool) -> None:
    """Resume runs over so many FILES."""
    figures = resume(files)
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    for run in figures.pop("runs"):
        print(", ".join(f"{name} {value}" for name, value in run.items()))
    print(", ".join(f"{name}: {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
