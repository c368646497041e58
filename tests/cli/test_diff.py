"""`triptych diff`: what differs between two datasets or two runs is said, and equal ones have exit code 0."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.training import TrainConfig
from triptych.train.data.plan import plan_of
from triptych.train.run import write_run_record


@pytest.fixture
def two(text_tree: Any, prepared: Any, tmp_path: Path) -> tuple[Path, Path]:
    """Two datasets of the same source; the second one has a filter that drops texts."""
    prepared(text_tree(tmp_path / "a", row_length=128))
    filters = [{"name": "text_length", "min_chars": 400}]
    prepared(text_tree(tmp_path / "b", row_length=128, filters=filters))
    return tmp_path / "a", tmp_path / "b"


def test_a_filter_shows_in_documents_ledger_and_configuration(
    two: tuple[Path, Path], triptych: Callable[..., Any]
) -> None:
    said = triptych("diff", *two)
    assert said.code == 1
    found = json.loads(triptych("diff", *two, "--json").out)
    sizes = [len({one["id"] for one in _segments(triptych, each)}) for each in two]
    lost = sizes[0] - sizes[1]
    assert lost > 0
    assert found["documents"] == {"same": sizes[1], "removed": lost, "added": 0}
    ((name, rows),) = found["dropped"].items()
    assert name.endswith("filter text_length")
    assert rows == [None, lost]
    assert f"documents: {lost} removed, 0 added, {sizes[1]} in both" in said.out
    assert any("min_chars: 400" in line and line.startswith("+") for line in found["config"])


def _segments(triptych: Callable[..., Any], dataset: Path) -> list[dict[str, Any]]:
    rows = json.loads(triptych("stats", dataset, "--json").out)["rows"]
    return [one for row in range(rows) for one in json.loads(triptych("show", dataset, "--row", row, "--json").out)]


def test_a_copy_does_not_differ(two: tuple[Path, Path], triptych: Callable[..., Any], tmp_path: Path) -> None:
    shutil.copytree(two[0], tmp_path / "copy")
    said = triptych("diff", two[0], tmp_path / "copy")
    assert (said.code, said.out) == (0, "no difference\n")


def test_runs_differ_by_their_train_files_and_figures(
    two: tuple[Path, Path], triptych: Callable[..., Any], tmp_path: Path
) -> None:
    for name, lr, bits in (("first", 0.001, 9.0), ("second", 0.002, 8.5)):
        data = {"datasets": [{"path": str(two[0]), "weight": 1.0}], "batch_tokens": 512, "validation": 0.2}
        tree = {"out": str(tmp_path / name), "data": data, "model": {"depth": 1, "width": 64}, "steps": 40}
        config = TrainConfig.model_validate(tree | {"optimizer": {"lr": lr}})
        write_run_record(config, plan_of(config), 1, tmp_path / name)
        line = {"step": 40, "split": "validation", "weights": "ema", "nelbo": {"text": bits}}
        (tmp_path / name / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    said = triptych("diff", tmp_path / "first", tmp_path / "second")
    assert said.code == 1
    assert "text: 9.000 -> 8.500 bits per token" in said.out
    assert "-  lr: 0.001" in said.out
    assert "+  lr: 0.002" in said.out
    assert triptych("diff", tmp_path / "first", tmp_path / "first").code == 0
    assert triptych("diff", two[0], tmp_path / "first").code == 2
