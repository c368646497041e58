"""Runs of a small model: started, killed, and compared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ..processes import Forked

Tree = dict[str, Any]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone")
STEPS = 12


def tree(dataset: Path, out: Path, **more: Any) -> Tree:
    return {
        "out": str(out),
        "data": {
            "datasets": [{"path": str(dataset), "weight": 1.0}],
            "batch_tokens": 1024,
            "validation": 0.1,
            "cache": str(out),
        },
        "model": {"depth": 1, "width": 64},
        "steps": STEPS,
        "checkpoint": {"every": 3, "keep": 2},
        "validation": {"every": 6, "rows": 4},
        "log_every": 1,
    } | more


def curve(out: Path) -> list[Tree]:
    """Lines of metrics, without what a clock has a say in."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if "per_second" not in key} for line in lines]


def written(config: Tree) -> str:
    """Path of its train file."""
    file = Path(config["out"]).with_suffix(".yaml")
    file.write_text(yaml.safe_dump(config))
    return str(file)


def start(config: Tree, rank: dict[str, str] | None = None) -> Forked:
    """`python -m triptych.train`, forked from a process that has the imports."""
    return Forked("import triptych.train.__main__", [written(config)], ENVIRONMENT | (rank or {}))


def finish(process: Forked) -> str:
    code, output = process.end(timeout=240)
    assert code == 0, output
    return output


def command(config: Tree, *launcher: str) -> None:
    """The same in a process of its own, as a user starts it."""
    line = [sys.executable, *launcher, "-m", "triptych.train", written(config)]
    done = subprocess.run(line, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr


def logged(out: Path) -> int:
    """Lines of metrics that are there."""
    file = out / "metrics.jsonl"
    return file.read_text().count("\n") if file.exists() else 0


def saving(out: Path) -> bool:
    """Whether a checkpoint is being written; `.metadata` is the last of its files."""
    return any(not (folder / ".metadata").exists() for folder in (out / "checkpoints").glob(".tmp-*"))


def kill_when(process: Forked, ready: Callable[[], bool]) -> None:
    """SIGKILL as soon as it is `ready`, which it has to be before it ends."""
    while process.running() and not ready():
        time.sleep(0.001)
    process.send(signal.SIGKILL)
    code, output = process.end(timeout=240)
    assert code == -signal.SIGKILL, output


def require_same(out: Path, other: Path) -> None:
    """Curves and weights, bit for bit."""
    assert curve(out) == curve(other)
    weights = [(root / "model" / "model.safetensors").read_bytes() for root in (out, other)]
    assert weights[0] == weights[1]
