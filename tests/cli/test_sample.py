"""`triptych sample` on a model that was trained for two steps: what it says is noise, what it writes is not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from triptych.cli.main import cli
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Modality, Special
from triptych.train.evaluate.samples import sampler_sweep as sweeping
from triptych.train.generate.generator import Generator

from ..two_runs import KINDS, train_both


@pytest.fixture(scope="module")
def runs(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A masked run and its control."""
    folder = tmp_path_factory.mktemp("runs")
    train_both(made, folder, validation=0.1)
    return {kind: folder / kind for kind in KINDS}


def run(run_folder: Path, out: Path, *arguments: str) -> dict[str, Any]:
    command = ["sample", str(run_folder), "--out", str(out), "--steps", "4", *arguments]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    facts: dict[str, Any] = json.loads((out / "samples.json").read_text())
    assert all((out / line["file"]).exists() for line in facts["samples"])
    return facts


def test_text_goes_on_with_its_prompt(runs: dict[str, Path], tmp_path: Path) -> None:
    for name, folder in runs.items():
        facts = run(folder, tmp_path / name, "--task", "text", "--prompt", "ab c", "--length", "5", "--n", "2")
        assert [line["file"] for line in facts["samples"]] == ["sample-000.txt", "sample-001.txt"]
        for line in facts["samples"]:
            assert (tmp_path / name / line["file"]).read_text().startswith("ab c")
            assert sum(line["said"]) == 5
            assert line["tokens"][-1] == Special.EOS


def test_gaps_are_filled_and_nothing_else_is(runs: dict[str, Path], tmp_path: Path) -> None:
    facts = run(runs["masked"], tmp_path, "--task", "text", "--prompt", "left <gap:3> right<gap:1>", "--n", "1")
    text = (tmp_path / "sample-000.txt").read_text()
    assert text.startswith("left ")
    assert " right" in text
    assert sum(facts["samples"][0]["said"]) == 4


def test_pictures_are_guided_by_default_but_not_the_controls(runs: dict[str, Path], tmp_path: Path) -> None:
    told = {name: run(folder, tmp_path / name, "--task", "t2i", "--prompt", "one") for name, folder in runs.items()}
    assert {name: facts["settings"]["guidance"] for name, facts in told.items()} == {"masked": 1, "autoregressive": 0}
    assert told["masked"]["settings"]["temperature"] == 0.5


def test_pictures_and_speech_and_back(runs: dict[str, Path], tmp_path: Path) -> None:
    masked, generator = runs["masked"], Generator.open(runs["masked"])
    lines = tmp_path / "prompts.txt"
    lines.write_text("one\n\ntwo\n")
    facts = run(masked, tmp_path / "t2i", "--task", "t2i", "--prompt", str(lines), "--n", "2", "--guidance", "1.5")
    assert [line["text"] for line in facts["samples"]] == ["one", "one", "two", "two"]
    assert facts["settings"]["guidance"] == 1.5
    side = generator.bundle.image.pixels
    assert Image.open(tmp_path / "t2i" / "sample-003.png").size == (side, side)
    run(masked, tmp_path / "t2s", "--task", "t2s", "--prompt", "one", "--n", "1")
    wave, rate = soundfile.read(tmp_path / "t2s" / "sample-000.wav")
    assert rate == generator.bundle.audio.sample_rate
    assert len(wave) > 0
    for task, file in (("i2t", "t2i/sample-000.png"), ("s2t", "t2s/sample-000.wav")):
        back = run(masked, tmp_path / task, "--task", task, "--prompt", str(tmp_path / file), "--n", "1")
        given = np.array(back["samples"][0]["tokens"])[~np.array(back["samples"][0]["said"])]
        owners = set(generator.vocabulary.modality_of(given).tolist())
        assert {Modality.IMAGE if task == "i2t" else Modality.AUDIO} <= owners


def test_the_same_seed_says_the_same_alone_or_beside_others(runs: dict[str, Path], tmp_path: Path) -> None:
    several = run(runs["masked"], tmp_path / "a", "--task", "t2i", "--prompt", "x", "--n", "3", "--seed", "7")
    alone = run(runs["masked"], tmp_path / "b", "--task", "t2i", "--prompt", "x", "--n", "1", "--seed", "7")
    other = run(runs["masked"], tmp_path / "c", "--task", "t2i", "--prompt", "x", "--n", "1", "--seed", "8")
    tokens = [line["tokens"] for line in several["samples"]]
    assert tokens[0] == alone["samples"][0]["tokens"] != other["samples"][0]["tokens"]
    assert tokens[0] != tokens[1]


def test_a_sweep_is_a_row_a_rule(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "RULES", ({"rule": "confidence", "steps": 2}, {"rule": "ancestral", "steps": 3}))
    command = ["sample", "sweep", str(runs["masked"]), "--length", "6", "--n", "2", "--temperature", "0.5"]
    command += ["--temperature", "1", "--control", str(runs["autoregressive"])]
    done = CliRunner().invoke(cli, [*command, "--json"], catch_exceptions=False)
    lines = json.loads(done.output)
    settings = [(line["settings"]["rule"], line["settings"].get("temperature", 1.0)) for line in lines]
    assert settings == [("confidence", 0.5), ("ancestral", 0.5), ("confidence", 1.0), ("ancestral", 1.0)]
    assert all(0 < line["calls"] <= line["settings"]["steps"] for line in lines)
    assert all(line["bits"] > 0 and 0 <= line["entropy"] <= 6 for line in lines)
    assert "entropy" in CliRunner().invoke(cli, command, catch_exceptions=False).output


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("masked", ["--task", "t2i"], "needs `--prompt`"),
        ("masked", ["--task", "i2t", "--prompt", "nowhere.png"], "is not a file"),
        ("masked", ["--task", "text", "--set", "rule=best"], "rule"),
        ("autoregressive", ["--task", "t2i", "--prompt", "x", "--guidance", "1"], "guidance"),
        ("nowhere", ["--task", "text"], "no finished model"),
    ],
)
def test_what_cannot_be_is_refused(
    runs: dict[str, Path], tmp_path: Path, name: str, arguments: list[str], said: str
) -> None:
    command = ["sample", str(runs.get(name, tmp_path / name)), "--out", str(tmp_path / "out"), *arguments]
    with pytest.raises(Refusal, match=said):
        CliRunner().invoke(cli, command, catch_exceptions=False)
    assert not (tmp_path / "out").exists()


def test_settings_are_documented_under_their_names() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "sampling.md").read_text()
    from triptych.schemas.config.sampling import SamplingConfig

    assert all(f"`{key}`" in page for key in SamplingConfig.model_fields)
