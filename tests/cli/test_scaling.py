"""`triptych scaling fit` and `sweep` as commands."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner

from triptych.cli.scaling import scaling
from triptych.schemas.errors import Refusal


def run(*arguments: object) -> str:
    done = CliRunner().invoke(scaling, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def swept(made: Path, tmp_path: Path) -> Path:
    """Nine tiny runs of three sizes and three horizons."""
    torch.set_num_threads(1)
    base: dict[str, Any] = {
        "out": "unused",
        "data": {"datasets": [{"path": str(made), "weight": 1}], "batch_tokens": 512, "validation": 0.2},
        "model": {"depth": 1},
        "steps": 1,
        "validation": {"every": 100, "rows": 1},
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(base))
    grid = [{"model.width": [64, 128, 192], "steps": [2, 4, 8]}]
    file = tmp_path / "sweep.yaml"
    file.write_text(
        yaml.safe_dump({"out": str(tmp_path / "runs"), "train": str(tmp_path / "train.yaml"), "grid": grid})
    )
    return file


def test_a_sweep_is_trained_and_fitted(swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.train.scaling.estimates.RESAMPLES", 20)
    states = json.loads(run("sweep", swept, "--json").splitlines()[-1])
    assert (len(states), set(states.values())) == (9, {"trained"})
    assert run("sweep", swept).count("done before") == 9
    facts = json.loads(run("fit", tmp_path / "runs", "--json"))
    assert len(facts["runs"]) == 9
    assert facts["loss"] == "validation NELBO, bits per token, all modalities by number of targets, EMA of the weights"
    for estimate in facts["law"].values():
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    assert "at least 2 are needed" in facts["missing"]
    picture = tmp_path / "law.svg"
    said = run("fit", tmp_path / "runs", "--weights", "raw", "--of", "text", "--plot", picture)
    assert picture.is_file()
    assert "9 runs: validation NELBO, bits per token, text, raw weights" in said
    for run_of in facts["runs"]:
        assert f"{run_of['parameters']:,}" in said


def test_too_few_runs_are_refused(swept: Path, tmp_path: Path) -> None:
    tree = yaml.safe_load(swept.read_text())
    tree["grid"] = [{"model.width": [64], "steps": [1]}]
    swept.write_text(yaml.safe_dump(tree))
    run("sweep", swept)
    with pytest.raises(Refusal, match="takes 8 finished runs"):
        run("fit", tmp_path / "runs")
