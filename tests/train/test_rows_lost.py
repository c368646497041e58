"""A dataset that vanishes or changes under a training ends it with one paragraph and a checkpoint; then it goes on."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from triptych.schemas.dataset.manifest import MANIFEST, parse_manifest

from ..processes import Forked, ranks

# few shards stay mapped, so that the training soon opens one again
TRAIN = "import triptych.train.data.shards as shards; shards.MAX_OPEN = 1; import triptych.train.__main__"
STEPS = 40_000


def start(data: Path, folder: Path, rank: dict[str, str] | None = None) -> Forked:
    tree: dict[str, Any] = {
        "out": str(folder / "run"),
        "data": {"datasets": [{"path": str(data), "weight": 1.0}], "batch_tokens": 1024, "cache": str(folder / "c")},
        "model": {"depth": 1, "width": 64},
        "steps": STEPS,
        "checkpoint": {"every": STEPS},
        "validation": {"every": STEPS, "rows": 4},
        "log_every": 1,
    }
    (folder / "train.yaml").write_text(yaml.safe_dump(tree))
    environment = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "500"} | (rank or {})
    return Forked(TRAIN, [str(folder / "train.yaml")], environment)


def wait_for_steps(folder: Path, process: Forked, more: int = 3) -> None:
    metrics = folder / "run" / "metrics.jsonl"

    def lines() -> int:
        return len(metrics.read_text().splitlines()) if metrics.exists() else 0

    before = lines()
    while process.running() and lines() < before + more:
        time.sleep(0.05)
    assert process.running(), process.end(1)


def vanish(data: Path) -> None:
    data.rename(data.with_name("elsewhere"))


def lose_shards(data: Path) -> None:
    shutil.rmtree(data / "shards")


def exchange_bytes(data: Path) -> None:
    for entry in parse_manifest((data / MANIFEST).read_bytes(), "").shards:
        damaged = bytearray((data / entry.file).read_bytes())
        damaged[len(damaged) // 2] ^= 1
        (data / "new").write_bytes(damaged)
        (data / "new").replace(data / entry.file)


def cut_in_place(data: Path) -> None:
    for shard in (data / "shards").iterdir():
        os.truncate(shard, shard.stat().st_size // 2)


def write_in_place(data: Path) -> None:
    for shard in (data / "shards").iterdir():
        with shard.open("r+b") as file:
            file.write(bytes(shard.stat().st_size))


@pytest.mark.parametrize("harm", [vanish, lose_shards, exchange_bytes, cut_in_place, write_in_place])
def test_a_dataset_lost_under_a_training_leaves_a_checkpoint_from_which_it_goes_on(
    dataset: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    data = Path(shutil.copytree(dataset, tmp_path / "data"))
    process = start(data, tmp_path)
    wait_for_steps(tmp_path, process)
    harm(data)
    code, output = process.end(120)
    assert code == 1, output
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("triptych: ")]
    (saved,) = (tmp_path / "run" / "checkpoints").iterdir()
    step = json.loads((saved / "state.json").read_bytes())["step"]
    assert f"a checkpoint of step {step} is saved. Restore the dataset" in line
    assert step == json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])["step"] >= 3
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(dataset, data)
    again = start(data, tmp_path)
    wait_for_steps(tmp_path, again)
    again.send(signal.SIGTERM)
    code, output = again.end(120)
    steps = [json.loads(each)["step"] for each in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) > step


def test_all_processes_save_and_end_when_one_has_lost_its_rows(dataset: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(dataset, tmp_path / "data"))
    processes = [start(data, tmp_path, rank) for rank in ranks(2)]
    wait_for_steps(tmp_path, processes[0])
    vanish(data)
    ended = [process.end(120) for process in processes]
    assert [code for code, _ in ended] == [1, 1], ended
    assert not any("Traceback" in output for _, output in ended)
    assert any("Restore the dataset" in output for _, output in ended)
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 1
