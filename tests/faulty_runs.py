"""A training to which things happen: kills, signals, a full disk, a move, damage. It must end as if they had not.

With float32, two rows a step and one row a micro-batch, a step has two sums of gradients however many processes share
it, and a sum of two numbers has no order. So the weights are the same bit for bit for one process and for two.
"""

import json
import math
import random
import re
import shutil
import signal
import time
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from .disturbed_training import HARD, TRAIN, TRAIN_ON_A_FULL_DISK, How, Training, require

Tree = dict[str, Any]
ROW, STEPS, EVERY = 128, 16, 2
DAMAGED = "damaged"  # file in a checkpoint that was damaged
EVENTS = ("kill", "sigterm", "ctrl-c", "full disk", "move", "damage")
LATER = 0.15  # seconds, at most, from what is waited for to the event


class FaultyRun:
    """One training and what happens to it, drawn at random."""

    def __init__(self, folder: Path, datasets: list[Path], draw: random.Random, log_every: int = 1) -> None:
        folder.mkdir()
        self.out = folder / "run"
        self.draw = draw  # of what happens next
        self._folder, self._datasets, self._log_every = folder, datasets, log_every
        self._start: int | None = None  # of the next start
        self._started = 0  # time of the last start
        self._moves = 0
        self.events: list[str] = []

    def write(self, how: How) -> Path:
        """Write the train file."""
        tree = {
            "out": str(self.out),
            "data": {
                "datasets": [{"path": str(self._datasets[how.dataset % len(self._datasets)]), "weight": 1.0}],
                "batch_tokens": 2 * ROW,
                "validation": 0.1,
                "workers": how.workers,
                "cache": str(self._folder / "cache"),
            },
            "model": {"depth": 1, "width": 64},
            "steps": STEPS,
            "compute": {"precision": "float32", "micro_batch_tokens": ROW},
            "checkpoint": {"every": EVERY, "keep": 2},
            "validation": {"every": 5, "rows": 1},
            "log_every": self._log_every,
        }
        file = self._folder / "train.yaml"
        file.write_text(yaml.safe_dump(tree))
        return file

    def start(self, how: How, code: str = TRAIN) -> Training:
        """Start it."""
        self._started = time.time_ns()
        return Training(self.write(how), how, code)

    def finish(self, how: How | None = None) -> None:
        """Let it run to its end."""
        codes, output = self.start(how or self._how()).end()
        require(set(codes) == {0}, f"exit codes {codes}: {output[-1500:]}")

    def happen(self, event: str) -> None:
        """Start the run and let something happen to it."""
        self.events.append(event)
        {
            "kill": self._kill,
            "sigterm": lambda: self._signal(signal.SIGTERM),
            "ctrl-c": lambda: self._signal(signal.SIGINT),
            "full disk": self._full_disk,
            "move": self._move,
            "damage": self._damage,
        }[event]()

    def _how(self) -> How:
        if not any((self.out / "checkpoints").glob(f"step-*/{DAMAGED}")):
            self._start = None  # the run went on from the one before, which removes it
        how = How(self.draw.choice((1, 1, 2)), self.draw.randint(1, 3), self.draw.randint(0, 1), self._start)
        self.events.append(str(how))
        return how

    def _kill(self) -> None:
        training = self.start(self._how())
        self._wait(training)
        training.send(signal.SIGKILL, self.draw.randrange(2) if self.draw.random() < 0.3 else None)
        training.end()

    def _signal(self, number: signal.Signals) -> None:
        training, times = self.start(self._how()), self.draw.randint(1, 3)
        self.events.append(f"{times} times")
        self._wait(training)
        only, active = self.draw.choice((None, 0, 1)), self._active()
        for _ in range(times):
            training.send(number, only)
            time.sleep(self.draw.uniform(0, LATER))
        codes, output = training.end()
        finished = self.steps()[-1:] == [STEPS]
        if active and not finished and not (number == signal.SIGINT and times == 3):
            require(set(codes) == {0} and "Stopped and saved" in output, f"exit codes {codes}: {output[-1500:]}")
        require("Traceback" not in output or not active, f"traceback: {output[-1500:]}")

    def _full_disk(self) -> None:
        training = self.start(self._how(), TRAIN_ON_A_FULL_DISK)
        self._wait(training)
        training.limit(int(math.exp(self.draw.uniform(math.log(50_000), math.log(1_500_000)))))
        if self.draw.random() < 0.5:
            time.sleep(self.draw.uniform(0, 3 * LATER))
            training.limit(HARD)
        codes, output = training.end()
        require("Traceback" not in output, f"traceback: {output[-1500:]}")
        said = "is full" in output or "could not be saved" in output  # torch reports a failed write without a reason
        require(set(codes) == {0} or said, f"exit codes {codes}: {output[-1500:]}")

    def _move(self) -> None:
        if self.out.exists():
            self._moves += 1
            to = self._folder / f"moved-{self._moves}"
            shutil.copytree(self.out, to) if self.draw.random() < 0.5 else self.out.rename(to)
            self.out = to

    def _damage(self) -> None:
        steps = self.steps()
        if not steps or self._start is not None:
            return
        folder = self.out / "checkpoints" / f"step-{steps[-1]:08d}"
        file = self.draw.choice(sorted(folder.iterdir()))
        before = file.read_bytes()
        what = self.draw.choice(("flipped", "cut", "lost"))
        self.events.append(f"{file.name} {what}")
        at = self.draw.randrange(len(before))
        damaged = {"flipped": before[:at] + bytes([before[at] ^ 4]) + before[at + 1 :], "cut": before[:at]}
        file.unlink() if what == "lost" else file.write_bytes(damaged[what])
        codes, output = self.start(self._how()).end()
        plain = " ".join(output.split())
        require(0 not in codes and folder.name in plain and "Traceback" not in plain, f"{codes}: {output[-1500:]}")
        offered = re.search(r"--from (\d+)", plain)
        require((offered is not None) == (len(steps) > 1), f"what is offered: {output[-1500:]}")
        if offered is None:
            file.write_bytes(before)
        else:
            self._start = int(offered[1])
            (folder / DAMAGED).touch()

    def _active(self) -> bool:
        """Whether the process that was started last is at its steps."""
        file = self.out / "metrics.jsonl"
        return file.exists() and file.stat().st_mtime_ns > self._started

    def _wait(self, training: Training) -> None:
        """Wait for a random line of metrics, or a while after a checkpoint began to be written."""
        at_save, wanted = self.draw.random() < 0.5, self.draw.randint(0, STEPS // 2)
        before = len(list(self._raw()))
        while training.running():
            if len(list(self._raw())) * self._log_every >= before * self._log_every + wanted and (
                not at_save or any((self.out / "checkpoints").glob(".tmp-*"))
            ):
                break
            time.sleep(0.002)
        time.sleep(self.draw.uniform(0, LATER))

    def steps(self) -> list[int]:
        """Steps of the checkpoints."""
        return sorted(int(path.name[5:]) for path in (self.out / "checkpoints").glob("step-*"))

    def _raw(self) -> list[str]:
        file = self.out / "metrics.jsonl"
        return file.read_text().splitlines() if file.exists() else []

    def lines(self) -> list[Tree]:
        """Lines of metrics, without what a clock has a say in."""
        lines = [json.loads(line) for line in self._raw()]
        return [{key: value for key, value in line.items() if "per_second" not in key} for line in lines]

    def weights(self) -> bytes:
        """The exported weights."""
        return (self.out / "model" / "model.safetensors").read_bytes()

    def require_same(self, other: "FaultyRun") -> None:
        """Compare with an undisturbed run bit for bit, but lines of validation only up to rounding."""
        mine, theirs = self.lines(), other.lines()
        require([_place(line) for line in mine] == [_place(line) for line in theirs], "lines of metrics are others")
        for left, right in zip(mine, theirs, strict=True):
            same = _close(left, right) if "split" in left else left == right
            require(same, f"step {left['step']}: {left} for {right}")
        require(self.weights() == other.weights(), "the weights are others")
        left_over = [path.name for path in islice((self.out / "checkpoints").glob(".tmp-*"), 3)]
        require(not left_over and not (self.out / "_work").exists(), f"left over: {left_over}")


def _place(line: Tree) -> tuple[Any, ...]:
    return line["step"], line.get("split"), line.get("weights")


def _close(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_close(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_close, left, right))
    return bool(left == right or math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9))
