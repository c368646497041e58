"""A sweep of tiny runs: all are trained, those that are done are left alone, and one that was stopped goes on."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from triptych.schemas.config.sweep import load_sweep
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.scaling.collect import Loss, collect
from triptych.train.scaling.sweep import sweep


def write_sweep(folder: Path, dataset: Path, grid: list[dict[str, Any]]) -> Path:
    entries = [{"path": str(dataset), "weight": 1.0}]
    base = {
        "out": "unused",
        "data": {"datasets": entries, "batch_tokens": 512, "validation": 0.2, "cache": str(folder)},
        "model": {"depth": 1, "width": 64},
        "steps": 4,
        "ema": None,
        "validation": {"every": 100, "rows": 2},
        "log_every": 2,
    }
    (folder / "train.yaml").write_text(yaml.safe_dump(base))
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump({"out": f"{folder}/runs", "train": str(folder / "train.yaml"), "grid": grid}))
    return file


def test_every_combination_of_a_block_is_a_run_and_blocks_follow_one_another(dataset: Path, tmp_path: Path) -> None:
    text = [{"path": str(dataset), "weight": 1.0, "modality": "text"}]
    grid: list[dict[str, Any]] = [{"model.width": [64, 128], "steps": [2, 4]}]
    grid += [{"optimizer.lr": [1e-3]}, {"data.datasets": [text]}]
    runs = load_sweep(write_sweep(tmp_path, dataset, grid))
    assert list(runs) == [
        "model.width=64,steps=2",
        "model.width=64,steps=4",
        "model.width=128,steps=2",
        "model.width=128,steps=4",
        "optimizer.lr=0.001",
        "data.datasets=0",
    ]
    assert [(run.model.width, run.steps, run.optimizer.lr) for run in runs.values()][1:5] == [
        (64, 4, 1e-2),
        (128, 2, 1e-2),
        (128, 4, 1e-2),
        (64, 4, 1e-3),
    ]
    assert runs["data.datasets=0"].data.datasets[0].modality == "text"
    assert runs["optimizer.lr=0.001"].out == f"{tmp_path}/runs/optimizer.lr=0.001"


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ([{"model.widht": [64]}], r"sweep\.yaml, model\.widht=64: unknown key `model\.widht`.*`width`"),
        ([{"out": ["x"]}], "`out` is set for each run"),
        ([{"steps": []}], "`steps` has no values"),
    ],
)
def test_what_is_wrong_is_refused_before_any_work(
    dataset: Path, tmp_path: Path, grid: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(Refusal, match=said):
        load_sweep(write_sweep(tmp_path, dataset, grid))


def test_equal_values_are_one_run_however_they_are_written(dataset: Path, tmp_path: Path) -> None:
    grid: list[dict[str, Any]] = [{"optimizer.lr": [1e-3, "1e-3", 0.0010]}, {"steps": [4], "model.width": [64, 128]}]
    grid += [{"model.width": [64]}, {"optimizer.lr": [0.001]}]
    runs = load_sweep(write_sweep(tmp_path, dataset, grid))
    assert list(runs) == ["optimizer.lr=0.001", "model.width=64,steps=4", "model.width=128,steps=4"]


def test_different_runs_of_one_name_are_refused(dataset: Path, tmp_path: Path) -> None:
    # neither value can be part of a folder's name, and both are the first of their list
    one, other = ([{"path": str(dataset), "weight": weight}] for weight in (1.0, 2.0))
    grid: list[dict[str, Any]] = [{"data.datasets": [one]}, {"data.datasets": [other]}]
    with pytest.raises(Refusal, match=r"sweep\.yaml: `grid` has two different runs called data\.datasets=0\. Change"):
        load_sweep(write_sweep(tmp_path, dataset, grid))


def test_runs_are_trained_once_and_go_on_where_they_stopped(dataset: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    runs = load_sweep(write_sweep(tmp_path, dataset, [{"model.width": [64, 128], "steps": [2]}]))
    swept = sweep(runs)
    assert next(swept) == ("model.width=64,steps=2", "trained", "")
    assert isinstance(swept, Generator)
    swept.close()
    assert collect(tmp_path / "runs", Loss("raw"))[1] == ["model.width=128,steps=2"]
    before = (tmp_path / "runs/model.width=64,steps=2/metrics.jsonl").stat().st_mtime_ns
    assert list(sweep(runs)) == [
        ("model.width=64,steps=2", "done before", ""),
        ("model.width=128,steps=2", "trained", ""),
    ]
    assert (tmp_path / "runs/model.width=64,steps=2/metrics.jsonl").stat().st_mtime_ns == before
    points, unfinished = collect(tmp_path / "runs", Loss("raw"))
    assert unfinished == []
    assert sorted(point.parameters for point in points) == sorted(
        json.loads(path.read_text())["parameters"]["rest"] for path in (tmp_path / "runs").glob("*/run.json")
    )
    assert len({point.tokens for point in points}) == 1
    for point in points:
        assert point.flops > 6 * 0.9 * point.parameters * point.tokens


def test_a_folder_that_holds_another_run_is_refused(dataset: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    assert list(sweep(load_sweep(write_sweep(tmp_path, dataset, [{"steps": [2]}]))))
    changed = write_sweep(tmp_path, dataset, [{"steps": [2]}])
    train = tmp_path / "train.yaml"
    train.write_text(train.read_text().replace("width: 64", "width: 128"))
    with pytest.raises(Refusal, match=r"model.width: 64"):
        list(sweep(load_sweep(changed)))


def test_equal_values_are_one_run(dataset: Path, tmp_path: Path) -> None:
    runs = load_sweep(write_sweep(tmp_path, dataset, [{"steps": [2, 2]}, {"steps": [2]}, {"steps": [3]}]))
    assert list(runs) == ["steps=2", "steps=3"]


def test_a_run_that_fails_is_marked_and_the_others_are_trained(dataset: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    grid: list[dict[str, Any]] = [{"optimizer.lr": [1e9], "optimizer.warmup": [1], "steps": [60]}, {"steps": [2]}]
    states = list(sweep(load_sweep(write_sweep(tmp_path, dataset, grid))))
    assert [state for _, state, _ in states] == ["failed", "trained"]
    assert "consecutive steps were skipped" in states[0][2]


def test_a_run_that_fails_for_any_other_reason_is_marked_too(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(config: TrainConfig) -> bool:
        if config.model.width == 64:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return True

    monkeypatch.setattr("triptych.train.scaling.sweep.train", train)
    states = list(sweep(load_sweep(write_sweep(tmp_path, dataset, [{"model.width": [64, 128]}]))))
    assert [state for _, state, _ in states] == ["failed", "trained"]
    assert states[0][2].startswith("OutOfMemoryError in test_sweep.py, line ")
