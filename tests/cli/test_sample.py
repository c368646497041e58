"""`triptych sample` on a model that was trained for two steps: what it says is noise, what it writes is not."""

import json
import os
import shutil
import subprocess
import sys
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


def test_every_prompt_has_its_own_seed_whatever_the_count(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("ab\nba\nab\n")
    command = ("--task", "text", "--length", "6", "--prompt", str(tmp_path / "p.txt"))
    one, three = (run(runs["masked"], tmp_path / n, *command, "--n", n)["samples"] for n in "13")
    assert [line["tokens"] for line in one] == [line["tokens"] for line in three[::3]]
    assert [line["prompt"] for line in one] == ["ab", "ba", "ab"]
    assert one[0]["tokens"] != one[2]["tokens"]


def test_samples_are_not_mixed_with_those_of_before(runs: dict[str, Path], tmp_path: Path) -> None:
    command = ("--task", "text", "--length", "3")
    run(runs["masked"], tmp_path / "o", *command, "--n", "3")
    (tmp_path / "o" / "notes.txt").write_text("mine")
    with pytest.raises(Refusal, match="--overwrite"):
        run(runs["masked"], tmp_path / "o", *command)
    run(runs["masked"], tmp_path / "o", *command, "--n", "1", "--overwrite")
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["notes.txt", "sample-000.txt", "samples.json"]
    (tmp_path / "o" / "samples.json").unlink()  # as of a call that was killed
    with pytest.raises(Refusal, match="holds samples already"):
        run(runs["masked"], tmp_path / "o", *command)


def test_a_checkpoint_is_sampled_without_a_finished_model(runs: dict[str, Path], tmp_path: Path) -> None:
    finished, going = runs["masked"], tmp_path / "going"
    command = ("--task", "text", "--length", "4", "--n", "2")
    wanted = run(finished, tmp_path / "a", *command)["samples"]
    assert run(finished / "model", tmp_path / "b", *command)["samples"] == wanted
    shutil.copytree(finished, going)
    for name in ("config.json", "model.safetensors"):
        (going / "model" / name).unlink()
    assert run(going, tmp_path / "c", *command, "--step", "2")["samples"] == wanted
    with pytest.raises(Refusal, match=r"no checkpoint of step 7\. It has 2"):
        run(going, tmp_path / "d", *command, "--step", "7")
    with pytest.raises(Refusal, match=r"steps 2\. Give one of them with `--step`"):
        run(going, tmp_path / "d", *command)
    file = next((going / "checkpoints" / "step-00000002").glob("*.distcp"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(Refusal, match="this checkpoint is damaged: the checksum"):
        run(going, tmp_path / "d", *command, "--step", "2")


def test_folders_and_lists_of_pictures_are_prompts(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    for name, grey in (("b.png", 9), ("a.png", 200)):
        Image.new("RGB", (32, 32), (grey, grey, grey)).save(tmp_path / "pics" / name)
    (tmp_path / "pics" / "notes.md").write_text("none")
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbfpics/b.png\r\n\r\npics/a.png")
    command = ("--task", "i2t", "--length", "3", "--n", "1", "--prompt")
    folder = run(runs["masked"], tmp_path / "f", *command, str(tmp_path / "pics"))["samples"]
    assert [Path(line["prompt"]).name for line in folder] == ["a.png", "b.png"]
    listed = run(runs["masked"], tmp_path / "l", *command, str(tmp_path / "list"))["samples"]
    assert [Path(line["prompt"]).name for line in listed] == ["b.png", "a.png"]
    (tmp_path / "list").write_text("pics/b.png\npics/c.png\n")
    with pytest.raises(Refusal, match=r"line 2: `pics/c.png` is not a file"):
        run(runs["masked"], tmp_path / "m", *command, str(tmp_path / "list"))


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        (["--length", "3000"], "1 of 1 samples are longer than what the model was trained on: "),
        (["--prompt", "ab"], ""),
    ],
)
def test_longer_than_ever_seen_is_one_warning(
    runs: dict[str, Path], tmp_path: Path, arguments: list[str], warned: str
) -> None:
    command = ["sample", str(runs["masked"]), "--out", str(tmp_path / "o"), "--task", "text", "--n", "1", *arguments]
    done = CliRunner().invoke(cli, [*command, "--steps", "1"], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stderr.count("\n") == (1 if warned else 0)
    assert warned in done.stderr


def test_a_closed_pipe_costs_no_file(runs: dict[str, Path], tmp_path: Path) -> None:
    code = "from triptych.cli.main import main; main()"
    command = [sys.executable, "-c", code, "sample", str(runs["masked"]), "--task", "text", "--n", "3"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*command, "--length", "3", "--steps", "1", "--out", "o"],
        cwd=tmp_path,
        stdout=write,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(list((tmp_path / "o").iterdir())) == 4


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("masked", ["--task", "t2i"], "needs `--prompt`. Give a text, or a file with one prompt per line"),
        ("masked", ["--task", "t2i", "--prompt", " "], "needs `--prompt`"),
        ("masked", ["--task", "i2t"], "needs `--prompt`. Give the path of an image"),
        ("masked", ["--task", "i2t", "--prompt", "nowhere.png"], "is not a file"),
        ("masked", ["--task", "text", "--set", "rule=best"], "rule"),
        ("autoregressive", ["--task", "t2i", "--prompt", "x", "--guidance", "1"], "guidance"),
        ("nowhere", ["--task", "text"], "no finished model"),
        ("masked/run.json", ["--task", "text"], r"run\.json: no config\.json, so no finished model"),
        ("masked/checkpoints", ["--task", "text"], r"Give `\S*masked --step N`"),
        ("masked/checkpoints/step-00000002", ["--task", "text"], r"Give `\S*masked --step 2`"),
        ("masked", ["--task", "text", "--guidance", "nan"], "`guidance` is nan"),
        ("masked", ["--task", "text", "--temperature", "inf"], "`temperature` is inf"),
        ("masked", ["--task", "text", "--device", "nothing"], "device nothing: cannot be used here"),
        ("masked", ["--task", "text", "--device", "cuda:77"], "device cuda:77: cannot be used here"),
        ("masked", ["--task", "text", "--device", "meta"], "device meta: cannot be used here"),
        ("masked", ["--task", "t2i", "--prompt", "x", "--length", "5"], "length 5: task t2i generates images"),
        ("masked", ["--task", "text", "--prompt", "x<gap:2>", "--length", "5"], "length 5: a prompt has gaps"),
        ("autoregressive", ["--task", "text", "--prompt", "x<gap:2> y"], "what stands after a gap"),
    ],
)
def test_what_cannot_be_is_refused(
    runs: dict[str, Path], tmp_path: Path, name: str, arguments: list[str], said: str
) -> None:
    kind, _, below = name.partition("/")
    command = ["sample", str(runs.get(kind, tmp_path / kind) / below), "--out", str(tmp_path / "out"), *arguments]
    with pytest.raises(Refusal, match=said):
        CliRunner().invoke(cli, command, catch_exceptions=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("task", "name", "data", "said"),
    [
        ("i2t", "a.png", b"", r"a\.png: cannot be used as an image \(the file has no bytes\)\. Give another file"),
        ("i2t", "a.png", b"\x89PNG\r\n\x1a\n\0", r"a\.png: cannot be used as an image \([^()]*[^.]\)\. "),
        ("s2t", "a.wav", b"", r"a\.wav: cannot be used as an audio file \([^()]*[^.]\)\. Give another file"),
    ],
)
def test_a_broken_file_is_refused_by_name(
    runs: dict[str, Path], tmp_path: Path, task: str, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    command = ["sample", str(runs["masked"]), "--out", str(tmp_path / "out"), "--task", task]
    with pytest.raises(Refusal, match=said):
        CliRunner().invoke(cli, [*command, "--prompt", str(tmp_path / name)], catch_exceptions=False)


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_generated(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Generator, "fill", None)
    (tmp_path / "file").write_text("no folder")
    command = ["sample", str(runs["masked"]), "--task", "text", "--out", str(tmp_path / "file" / "below")]
    with pytest.raises(Refusal, match=r"file/below: this folder cannot be made \(Not a directory\)"):
        CliRunner().invoke(cli, command, catch_exceptions=False)


def test_settings_are_documented_under_their_names() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "sampling.md").read_text()
    from triptych.schemas.config.sampling import SamplingConfig

    assert all(f"`{key}`" in page for key in SamplingConfig.model_fields)


def test_an_audit_is_a_table_a_rule() -> None:
    command = ["sample", "audit", "--source", "clip", "--rule", "halton", "--n", "20"]
    lines = json.loads(CliRunner().invoke(cli, [*command, "--json"], catch_exceptions=False).output)
    assert {(line["source"], line["settings"]["rule"]) for line in lines} == {("clip", "halton")}
    assert {line["settings"].get("codebook_penalty") for line in lines} == {None, 5.0}
    assert all(0 <= line["variation"] <= 1 for line in lines)
    page = CliRunner().invoke(cli, command, catch_exceptions=False).output
    assert page.count("x floor") == 2
    with pytest.raises(Refusal, match="remdm-cap"):
        CliRunner().invoke(cli, ["sample", "audit", "--rule", "best"], catch_exceptions=False)
