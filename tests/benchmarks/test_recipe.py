"""The table of recipes, made of a moment of training."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.recipe import RECIPES, main, train_file
from triptych.schemas.config.training import OptimizerConfig

from ..train.conftest import write_dataset


def test_recipes_are_what_their_names_say() -> None:
    before = train_file("before", "data", 64, 70, 0, Path("out"))
    assert (before.optimizer.kind, before.optimizer.lr, before.model.embedding_std) == ("adamw", 2e-3, 0.02)
    fewer = train_file("defaults, fewer steps", "data", 64, 70, 0, Path("out"))
    assert fewer.steps == 20
    assert fewer.optimizer == OptimizerConfig()


def test_a_table_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = write_dataset(tmp_path / "data", counts={"prompts": 60}, shards=1)
    options = [str(data), "--steps", "4", "--seeds", "1", "--width", "64", "--out", str(tmp_path / "runs"), "--json"]
    said = CliRunner().invoke(main, options, catch_exceptions=False)
    found = json.loads(said.stdout.splitlines()[-1])["figures"]
    assert len(found) == len(RECIPES)
    for line in found.values():
        assert {"audio", "audio0", "audio1", "cpu_s", "clipped"} <= line.keys()
        assert 0 < line["audio"][0] < 20
