"""`triptych mix plan` on a mix file and on a train file."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from triptych.cli.main import cli
from triptych.schemas.errors import Refusal


@pytest.fixture
def mix_yaml(made: Path, tmp_path: Path) -> Path:
    entries = [{"path": str(made), "weight": 1, "modality": kind} for kind in ("text", "image-text", "audio-text")]
    path = tmp_path / "mix.yaml"
    path.write_text(yaml.safe_dump({"datasets": entries, "seed": 1, "batch_tokens": 2048}))
    return path


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["mix", "plan", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_plan_is_a_table_and_the_same_as_json(mix_yaml: Path) -> None:
    facts = json.loads(run(str(mix_yaml), "--steps", "50", "--json"))
    assert (facts["steps"], facts["rows"], facts["places"]) == (50, 200, 200 * 512)
    assert sum(line["share"] for line in facts["streams"]) == pytest.approx(1)
    text = run(str(mix_yaml), "--steps", "50")
    for line in facts["streams"]:
        assert f"{line['rows']:,}" in text
        assert f"{line['epochs']:.3f}" in text
    assert facts["fingerprint"] in text
    assert "warning:" in text


def test_a_train_file_is_planned_for_its_own_steps(mix_yaml: Path, tmp_path: Path) -> None:
    mix: dict[str, Any] = yaml.safe_load(mix_yaml.read_text())
    data = {"datasets": mix["datasets"], "batch_tokens": 2048, "validation": 0.05}
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump({"out": "run", "data": data, "model": {"depth": 1}, "steps": 9}))
    facts = json.loads(run(str(path), "--json"))
    assert (facts["steps"], facts["validation"]) == (9, 0.05)
    assert json.loads(run(str(path), "--json", "--steps", "3"))["steps"] == 3
    assert "held out for validation" in run(str(path))


def test_a_bad_mix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("datasets: [{path: nowhere, weight: 1}]\nbatch_tokens: 512\n")
    with pytest.raises(Refusal, match="no such file or folder"):
        CliRunner().invoke(cli, ["mix", "plan", str(path)], catch_exceptions=False)
