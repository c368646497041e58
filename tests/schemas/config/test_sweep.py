"""A sweep is every combination of each block of its grid, named by its values, over one train file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from triptych.schemas.config.sweep import load_sweep
from triptych.schemas.errors import Refusal

TRAIN: dict[str, Any] = {
    "out": "unused",
    "data": {"datasets": [{"path": "a", "weight": 1}], "batch_tokens": 64},
    "model": {"depth": 4},
    "steps": 5,
}


def sweep(folder: Path, *grid: dict[str, Any]) -> Path:
    (folder / "train.yaml").write_text(yaml.safe_dump(TRAIN))
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump({"out": "runs", "train": str(folder / "train.yaml"), "grid": list(grid)}))
    return path


def test_every_combination_is_a_run_with_its_values(tmp_path: Path) -> None:
    runs = load_sweep(sweep(tmp_path, {"model.depth": [4, 8], "optimizer.lr": [0.5, 0.25]}, {"steps": [9]}))
    assert [(name, run.model.depth, run.optimizer.lr, run.steps, run.out) for name, run in runs.items()] == [
        ("model.depth=4,optimizer.lr=0.5", 4, 0.5, 5, "runs/model.depth=4,optimizer.lr=0.5"),
        ("model.depth=4,optimizer.lr=0.25", 4, 0.25, 5, "runs/model.depth=4,optimizer.lr=0.25"),
        ("model.depth=8,optimizer.lr=0.5", 8, 0.5, 5, "runs/model.depth=8,optimizer.lr=0.5"),
        ("model.depth=8,optimizer.lr=0.25", 8, 0.25, 5, "runs/model.depth=8,optimizer.lr=0.25"),
        ("steps=9", 4, 1e-2, 9, "runs/steps=9"),
    ]


def test_a_value_that_is_no_folder_name_is_named_by_its_place(tmp_path: Path) -> None:
    datasets = [[{"path": path, "weight": 1}] for path in ("b/c", "d/e")]
    runs = load_sweep(sweep(tmp_path, {"data.datasets": datasets}, {}))
    assert {name: run.data.datasets[0].path for name, run in runs.items()} == {
        "data.datasets=0": "b/c",
        "data.datasets=1": "d/e",
        "run": "a",
    }


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ([], "at least 1"),
        ([{"out": ["x"]}], "`out` is set for each run"),
        ([{"steps": []}], "`steps` has no values"),
        ([{"steps": [1, 0]}], "sweep.yaml, steps=0: `steps` is 0"),
        ([{"step": [1]}], "Did you mean `steps`"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused(tmp_path: Path, grid: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(Refusal) as caught:
        load_sweep(sweep(tmp_path, *grid))
    assert words in str(caught.value)
