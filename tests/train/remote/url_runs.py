"""Small runs at URLs: started, read back, and compared with the same run in a folder."""

import json
from pathlib import Path
from typing import Any

import yaml

from triptych.schemas.storage.store import Store

from ...processes import Forked

Tree = dict[str, Any]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
STEPS = 6


def tree(dataset: Path, out: str, cache: Path, **more: Any) -> Tree:
    data = {"datasets": [{"path": str(dataset), "weight": 1.0}], "batch_tokens": 1024, "validation": 0.1}
    return {
        "out": out,
        "data": data | {"cache": str(cache)},
        "model": {"depth": 1, "width": 64},
        "steps": STEPS,
        "checkpoint": {"every": 2, "keep": 2},
        "validation": {"every": 3, "rows": 4},
        "log_every": 1,
    } | more


def start(config: Tree, file: Path, *more: str, rank: dict[str, str] | None = None) -> Forked:
    file.write_text(yaml.safe_dump(config))
    return Forked("import triptych.train.__main__", [str(file), *more], ENVIRONMENT | (rank or {}))


def finish(process: Forked, expected: int = 0) -> str:
    code, output = process.end(timeout=240)
    assert code == expected, output
    return output


def curve(metrics: bytes) -> list[Tree]:
    lines = [json.loads(line) for line in metrics.splitlines()]
    return [{key: value for key, value in line.items() if "per_second" not in key} for line in lines]


def require_same(url: str, on_disk: Path) -> None:
    """Curves and weights, bit for bit; and the same files."""
    store = Store(url)
    assert curve(store.read("metrics.jsonl")) == curve((on_disk / "metrics.jsonl").read_bytes())
    assert store.read("model/model.safetensors") == (on_disk / "model" / "model.safetensors").read_bytes()
    here = {path.relative_to(on_disk).as_posix() for path in on_disk.rglob("*") if path.is_file()}
    assert {name for name in store.names("") if "tensorboard" not in name} == {
        name for name in here if "tensorboard" not in name
    }


def steps(url: str) -> list[int]:
    names = Store(url).names("checkpoints")
    return sorted(int(name.split("/")[1][5:]) for name in names if name.endswith("state.json"))


def fetched(url: str, folder: Path) -> Path:
    """A folder with the record of a run at a URL."""
    folder.mkdir()
    (folder / "run.json").write_bytes(Store(url).read("run.json"))
    return folder
