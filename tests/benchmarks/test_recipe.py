"""The table of recipes, made of a moment of training."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.recipe import RECIPES, main, train_file, verdict
from triptych.schemas.config.training import OptimizerConfig

from ..train.conftest import write_dataset


def test_recipes_are_what_their_names_say() -> None:
    before = train_file("before", "data", 64, 70, 0, Path("out"))
    assert (before.optimizer.kind, before.optimizer.lr, before.model.embedding_std) == ("adamw", 2e-3, 0.02)
    assert not before.model.head_bias
    fewer = train_file("defaults, fewer steps", "data", 64, 70, 0, Path("out"))
    assert fewer.steps == 20
    assert fewer.optimizer == OptimizerConfig()


def test_a_table_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = write_dataset(tmp_path / "data", counts={"prompts": 60}, shards=1)
    options = [str(data), "--steps", "4", "--seeds", "1", "--width", "64", "--out", str(tmp_path / "runs")]
    options += ["--log", str(tmp_path / "log.jsonl"), "--json"]
    said = CliRunner().invoke(main, options, catch_exceptions=False)
    found = json.loads(said.stdout.splitlines()[-1])["figures"]
    assert len(found) == len(RECIPES)
    for line in found.values():
        assert {"audio", "audio0", "audio1", "cpu_s", "clipped"} <= line.keys()
        assert 0 < line["audio"][0] < 20
    logged = (tmp_path / "log.jsonl").read_text()
    again = CliRunner().invoke(main, options, catch_exceptions=False)
    assert json.loads(again.stdout.splitlines()[-1])["figures"] == found
    assert (tmp_path / "log.jsonl").read_text() == logged


def test_targets_are_met_or_missed() -> None:
    def figures(bits: float, seconds: float) -> dict[str, tuple[float, float]]:
        return {"text": (bits, 0.0), "cpu_s": (seconds, 0.0)}

    before = {"before": figures(2.0, 30.0)}
    assert "MISSED" not in verdict(before | {"defaults, fewer steps": figures(1.9, 10.0)}, ["text"])
    assert verdict(before | {"defaults, fewer steps": figures(2.1, 10.0)}, ["text"]).count("MISSED") == 2
    assert verdict(before | {"defaults, fewer steps": figures(1.9, 11.0)}, ["text"]).count("MISSED") == 1
