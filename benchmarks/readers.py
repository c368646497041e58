"""Reads generated inputs by every reader: each must end in rows, in drops with reasons, or in one refusal.

    python -m benchmarks.readers [--inputs 20000] [--seed 0] [--reader NAME …] [--log FILE] [--json]
    python -m benchmarks.readers --reader jsonl --seed 0 --number 1234 --keep FOLDER

An input is a small valid file, by its number and the seed; most are then damaged: bytes changed, cut, joined or
repeated, fields and lines exchanged, other encodings, line ends, compressions. It is read in partitions of two sizes,
which must give the same; rows and drops together must be what the library of the format counts by itself (`json`,
`csv`, `tarfile`, `pyarrow`), where a file is sound enough to be counted, and each text the same. An exception, a crash,
a hang, or another count is a failure. Exit code 1 if there is one; `--number` repeats it, and leaves its files.
"""

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from .fuzzing.reader_check import check_input
from .fuzzing.reader_inputs import MAKERS
from .fuzzing.workers import Outcome, run_all, summary
from .measure import machine

SHOWN = 20  # failures of a reader that are printed


def run_reader(reader: str, seed: int, numbers: range, processes: int) -> dict[str, Any]:
    """Read the inputs of these numbers; returns the sums and the failures."""
    began = time.perf_counter()
    failures: list[Outcome] = []
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as scratch:

        def task(number: int) -> tuple[str, str | None]:
            return check_input(reader, seed, number, Path(scratch) / str(os.getpid()))

        for outcome in run_all(task, numbers, processes):
            ends[outcome.end] += 1
            if outcome.problem:
                failures.append(outcome)
                if len(failures) <= SHOWN:
                    click.echo(f"{reader} {outcome.number}: {outcome.end}: {outcome.problem}", err=True)
    return {
        "reader": reader,
        "inputs": len(numbers),
        "seconds": round(time.perf_counter() - began, 1),
        "ends": dict(sorted(ends.items())),
        "failures": [[each.number, each.end, each.problem] for each in sorted(failures, key=lambda each: each.number)],
    }


@click.command()
@click.option("--inputs", type=click.IntRange(1), default=20_000, show_default=True, help="Inputs of each reader.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="Number of the first input.")
@click.option("--number", type=click.IntRange(0), help="Read this input alone, in this process.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--reader", "readers", type=click.Choice(list(MAKERS)), multiple=True, help="Default: all.")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Where --number leaves its files.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Also write everything here, as JSON.")
@click.option("--json", "as_json", is_flag=True)
def main(
    inputs: int,
    first: int,
    number: int | None,
    seed: int,
    readers: tuple[str, ...],
    processes: int,
    keep: Path | None,
    log: Path | None,
    as_json: bool,
) -> None:
    """Read generated inputs by every reader."""
    if number is not None:
        for reader in readers:
            with tempfile.TemporaryDirectory() as scratch:
                click.echo(f"{reader} {number}: {check_input(reader, seed, number, keep or Path(scratch) / 'input')}")
        return
    numbers = range(first, first + inputs)
    found: list[dict[str, Any]] = []
    report = {"machine": machine(), "seed": seed, "first": first, "readers": found}
    for reader in readers or MAKERS:
        found.append(run_reader(reader, seed, numbers, processes))
        if log:  # after each reader, since all together take long
            log.write_text(json.dumps(report, indent=1), encoding="utf-8")
        if not as_json:
            click.echo(summary("reader", found[-1]))
    if as_json:
        click.echo(json.dumps(report))
    if any(each["failures"] for each in found):
        sys.exit(1)


if __name__ == "__main__":
    main()
