"""Lets things happen to `triptych train`, resumes it, and compares what it logged and learned bit by bit.

    python -m benchmarks.train_faults [--sequences 300] [--seed 0] [--log faults.jsonl]

Trains a small model on a dataset of three modalities. In each sequence, a run meets one to five events, each with one
or two processes and one to three threads: SIGKILL, SIGTERM, Ctrl-C (one to three times), a disk that is full from some
byte of a file on, a moved folder, a damaged newest checkpoint (resumed with `--from` as the message says). Then it runs
to its end. Its weights and lines of training must be those of a run that nothing happened to, bit for bit; lines of
validation, which sum over more than two rows, may differ by rounding between numbers of processes.

Each sequence is a line of the log: its number, seed, events and outcome. Sequences that the log has are not run again.
Exit code 1 when one ended otherwise.
"""

import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from tests.disturbed_training import How, Wrong
from tests.faulty_runs import EVENTS, FaultyRun
from tests.train.conftest import write_dataset

from . import json_log
from .measure import machine

LOG_EVERY = (1, 3)
SAME = "same"


def undisturbed(folder: Path, datasets: list[Path]) -> dict[int, FaultyRun]:
    """Runs that nothing happens to, by `log_every`; two processes must end as one does."""
    runs: dict[int, FaultyRun] = {}
    for log_every in LOG_EVERY:
        for world in (1, 2):
            run = FaultyRun(folder / f"alone-{log_every}-{world}", datasets, random.Random(0), log_every)
            run.finish(How(world))
            runs.setdefault(log_every, run).require_same(run)
    return runs


def sequence(folder: Path, datasets: list[Path], alone: dict[int, FaultyRun], draw: random.Random) -> dict[str, Any]:
    """Run one sequence of events."""
    log_every = draw.choice(LOG_EVERY)
    run, outcome = FaultyRun(folder, datasets, draw, log_every), SAME
    started = time.monotonic()
    try:
        for _ in range(draw.randint(1, 5)):
            run.happen(draw.choice(EVENTS))
        run.events.append("finish")
        run.finish()
        run.require_same(alone[log_every])
    except Wrong as wrong:
        outcome = str(wrong)
    if outcome == SAME:
        shutil.rmtree(folder)
    return {"events": run.events, "outcome": outcome, "seconds": round(time.monotonic() - started, 1)}


@click.command()
@click.option("--sequences", default=300, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--log", type=click.Path(path_type=Path), help="File to append a line of JSON per sequence to.")
def main(sequences: int, seed: int, log: Path | None) -> None:
    """Run random sequences of faults."""
    done = [line for line in (json_log.read(log) if log else []) if line["seed"] == seed]
    scratch = Path(tempfile.mkdtemp(prefix="train-faults-"))
    write_dataset(scratch / "data-0", counts={"docs": 200, "stamps": 90, "prompts": 120})
    shutil.copytree(scratch / "data-0", scratch / "data-1")
    datasets = [scratch / "data-0", scratch / "data-1"]
    alone = undisturbed(scratch, datasets)
    for number in sorted({*range(sequences)} - {line["sequence"] for line in done}):
        found = sequence(scratch / f"{number}", datasets, alone, random.Random(f"{seed} {number}"))
        done.append({"sequence": number, "seed": seed, **found})
        click.echo(json.dumps(done[-1]))
        if log:
            json_log.append(log, done[-1:])
    wrong = [line["sequence"] for line in done if line["outcome"] != SAME]
    events = Counter(event for line in done for event in line["events"] if event in EVENTS)
    seconds = sum(line["seconds"] for line in done)
    click.echo(f"machine: {machine()}\nsequences: {len(done)} in {seconds:,.0f} s\nevents: {dict(events)}")
    click.echo(f"ended otherwise: {wrong or 'none'}")
    if wrong:
        click.echo(f"their folders: {scratch}")
    else:
        shutil.rmtree(scratch)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
