"""Kills `triptych prepare` at random moments, resumes it on another engine, and compares byte by byte.

    python -m benchmarks.kills run.yaml [--set KEY.PATH=VALUE …] [--kills 20] [--seed 0] [--json]

One run is left alone. Each of the others gets SIGKILL, its whole process group at once and so its Dask workers too,
when a random number of files has been written; the resumed run must give the same bytes and write none of the
committed partitions again. Exit code 1 when one does not.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import xxhash
from rich.console import Console
from rich.table import Table

from .measure import machine

WORKERS = (1, 2, 4)  # of Dask, beside the serial engine
PAUSE = 0.002  # seconds between two looks at the folder
LATER = 0.1  # seconds, at most, from the number of files to the kill
PREPARE = "from triptych.cli.main import main; main()"

Engine = tuple[str, ...]
Engines = tuple[Engine, Engine]


def start(run_file: Path, out: Path, overrides: Sequence[str], engine: Engine) -> "subprocess.Popen[bytes]":
    """`triptych prepare` in a process group of its own."""
    arguments = ["prepare", str(run_file), "--json", "--engine", engine[0]]
    arguments += ["--workers", engine[1]] if len(engine) > 1 else []
    for override in (*overrides, f"out={out}"):
        arguments += ["--set", override]
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a run that nobody kills."""
    _, said = process.communicate()
    if process.returncode:
        raise click.ClickException(f"prepare failed: {said.decode()[-2000:]}")


def committed(out: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every whole file of a run."""
    found = {}
    for folder, _, names in os.walk(out):
        for name in names:
            if not name.startswith(".tmp-"):
                path = os.path.join(folder, name)
                stat = os.stat(path)
                found[os.path.relpath(path, out)] = (stat.st_ino, stat.st_mtime_ns)
    return found


def digests(out: Path) -> dict[str, str]:
    """Fingerprint of every file of the dataset: all but what resume keeps and the run's own report."""
    names = [name for name in committed(out) if not name.startswith("_work/") and name != "run.json"]
    return {name: xxhash.xxh3_128_hexdigest((out / name).read_bytes()) for name in sorted(names)}


def kill_when(process: "subprocess.Popen[bytes]", out: Path, files: int, later: float) -> bool:
    """SIGKILL to the whole group once so many files are there; False when the run ended before."""
    while process.poll() is None and len(committed(out)) < files:
        time.sleep(PAUSE)
    time.sleep(later)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return alive


def one_kill(
    run_file: Path, out: Path, overrides: Sequence[str], engines: Engines, files: int, later: float
) -> dict[str, Any]:
    """Kill a fresh run once so many files are there, and resume it; what came of it."""
    (first, second), began = engines, time.perf_counter()
    killed = kill_when(start(run_file, out, overrides, first), out, files, later)
    seconds = time.perf_counter() - began
    before = committed(out)
    finish(start(run_file, out, overrides, second))
    after = committed(out)
    parts = [name for name in before if name.startswith("_work/") and name.endswith(".arrow")]
    return {
        "killed": killed,
        "seconds": round(seconds, 2),
        "engine": " ".join(first),
        "resumed_by": " ".join(second),
        "partitions_there": len(parts),
        "partitions_made_later": sum(n.startswith("_work/") and n.endswith(".arrow") for n in after) - len(parts),
        "partitions_redone": sum(after.get(name) != before[name] for name in parts),
    }


def show(lines: Sequence[dict[str, Any]]) -> None:
    """A row a kill."""
    table = Table(*lines[0], title=f"Killed and resumed\n{machine()}", title_justify="left")
    for line in lines:
        table.add_row(*(str(value) for value in line.values()))
    Console(width=140).print(table)


@click.command()
@click.argument("run_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="As `triptych prepare` has it.")
@click.option("--kills", type=click.IntRange(1), default=20, show_default=True)
@click.option("--most-workers", type=click.IntRange(1), default=4, show_default=True, help="Of a Dask run.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(run_file: Path, overrides: tuple[str, ...], kills: int, most_workers: int, seed: int, as_json: bool) -> None:
    """Kill and resume RUN_FILE's run."""
    draw = random.Random(seed)
    engines: list[Engine] = [("serial",), *(("dask", str(count)) for count in WORKERS if count <= most_workers)]
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = Path(folder, "undisturbed")
        finish(start(run_file, undisturbed, overrides, ("serial",)))
        expected, files = digests(undisturbed), len(committed(undisturbed))
        lines = []
        for index in range(kills):
            out, (first, second) = Path(folder, str(index)), draw.sample(engines, 2)
            line = one_kill(run_file, out, overrides, (first, second), draw.randint(1, files), draw.uniform(0, LATER))
            lines.append(line | {"identical": digests(out) == expected})
            if not as_json:
                click.echo(f"{index + 1}: {lines[-1]}", err=True)
    if as_json:
        click.echo(json.dumps({"machine": machine(), "files": files, "kills": lines}))
    else:
        show(lines)
    if not all(line["identical"] and not line["partitions_redone"] for line in lines):
        sys.exit(1)


if __name__ == "__main__":
    main()
