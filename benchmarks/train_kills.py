"""Kills `triptych train` at random moments, resumes it, and compares what it logged and learned bit by bit.

    python -m benchmarks.train_kills DATASET [--kills 20] [--steps 12] [--seed 0] [--json]

One run of a small model is left alone. The others save a checkpoint every other step and get SIGKILL: half of the
kills come a random while after a random step, half a random while after a checkpoint began to be written. After a few
kills a run is left to end. Its lines of metrics, but for rates, and its weights must be those of the first. Exit code 1
when they are not. Processes are forked from one that has made the imports, which take longer than such a run.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import click
import torch

from triptych.schemas.config.training import TrainConfig
from triptych.train.run import train

from .measure import machine

KILLS_A_RUN = 4  # before it may end
LATER = 0.15  # seconds, at most, from what is waited for to the kill
HANGING = 600
Tree = dict[str, Any]


def start(tree: Tree, said: Path) -> BaseProcess:
    """A run in a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=_train, args=(tree, str(said)))
    process.start()
    return process


def _train(tree: Tree, said: str) -> None:
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    torch.set_num_threads(1)
    train(TrainConfig.model_validate(tree))


def finish(tree: Tree, said: Path) -> None:
    """A run that nobody kills."""
    process = start(tree, said)
    process.join(HANGING)
    if process.exitcode != 0:
        process.kill()
        raise click.ClickException(f"exit code {process.exitcode}: {said.read_text(errors='replace')[-2000:]}")


def saving(out: Path) -> bool:
    """Whether a checkpoint is being written; `.metadata` is the last of its files."""
    return any(not (folder / ".metadata").exists() for folder in out.glob("checkpoints/.tmp-*"))


def lines(out: Path) -> list[Tree]:
    """Of metrics, without what a clock has a say in."""
    file = out / "metrics.jsonl"
    whole = (
        [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")] if file.exists() else []
    )
    return [{key: value for key, value in json.loads(line).items() if "per_second" not in key} for line in whole]


def kill_once(tree: Tree, said: Path, draw: random.Random) -> Tree:
    """Run, and SIGKILL; `there` when the run had ended before."""
    out = Path(tree["out"])
    before, at_save = len(lines(out)), draw.random() < 0.5
    wanted = before + draw.randrange(6)
    later = draw.uniform(0, LATER)
    process, deadline = start(tree, said), time.monotonic() + HANGING
    while process.is_alive() and time.monotonic() < deadline:
        if len(lines(out)) >= wanted and (saving(out) or not at_save):
            break
        time.sleep(0.002)
    time.sleep(later)
    ended = not process.is_alive()
    if process.pid is not None and not ended:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return {"killed": not ended, "while_saving": saving(out), "lines": len(lines(out)), "waited_for_save": at_save}


@click.command()
@click.argument("dataset")
@click.option("--kills", default=20, show_default=True)
@click.option("--steps", default=12, show_default=True)
@click.option("--row-length", default=4096, show_default=True, help="Of the dataset; a batch is two rows.")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(dataset: str, kills: int, steps: int, row_length: int, seed: int, as_json: bool) -> None:
    """Kill runs on DATASET."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        base: Tree = {
            "data": {
                "datasets": [{"path": dataset, "weight": 1.0}],
                "batch_tokens": 2 * row_length,
                "validation": 0.1,
            },
            "model": {"depth": 1, "width": 64},
            "steps": steps,
            "checkpoint": {"every": 2, "keep": 2},
            "validation": {"every": 5, "rows": 1},
            "log_every": 1,
        }
        finish(base | {"out": str(root / "alone")}, root / "said")
        wanted, weights = lines(root / "alone"), (root / "alone/model/model.safetensors").read_bytes()
        done: list[Tree] = []
        wrong: list[int] = []
        number = 0
        while sum(kill["killed"] for kill in done) < kills:
            out = root / f"run-{number}"
            for _ in range(KILLS_A_RUN):
                done.append(kill_once(base | {"out": str(out)}, root / "said", draw))
                if not done[-1]["killed"]:
                    break
            finish(base | {"out": str(out)}, root / "said")
            if lines(out) != wanted or (out / "model/model.safetensors").read_bytes() != weights:
                wrong.append(number)
            number += 1
    killed = [kill for kill in done if kill["killed"]]
    facts = {
        "machine": machine(),
        "kills": len(killed),
        "while a checkpoint was written": sum(kill["while_saving"] for kill in killed),
        "before the first line": sum(not kill["lines"] for kill in killed),
        "runs": number,
        "runs that ended otherwise": wrong,
        "seed": seed,
    }
    click.echo(json.dumps(facts | {"each": done}) if as_json else "\n".join(f"{k}: {v}" for k, v in facts.items()))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
