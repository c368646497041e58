"""The commands of docs/how-to/generate.md, one after another in one folder, as its reader gives them."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from triptych.cli.main import cli

from ..two_runs import train_both

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "generate.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_its_commands_write_what_it_says(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_both(made, tmp_path / "runs", validation=0.1)
    (tmp_path / "runs" / "masked").rename(tmp_path / "runs" / "first")
    monkeypatch.chdir(tmp_path)
    (prompts,) = blocks("text")
    Path("prompts.txt").write_text(prompts, encoding="utf-8")
    lines = [shlex.split(line)[1:] for block in blocks("sh") for line in block.splitlines()]
    samples = [line for line in lines if line[:2] != ["sample", "sweep"]]
    for line in samples:
        step = ["--step", "2"] if "--step" in line else []  # the only checkpoint of this run
        done = CliRunner().invoke(cli, [*line, *step, "--steps", "2"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    outs = [Path(line[line.index("--out") + 1]) for line in samples]
    assert len(set(outs)) == len(outs) == 9
    for out in outs:
        told = json.loads((out / "samples.json").read_text(encoding="utf-8"))["samples"]
        assert sorted(each["file"] for each in told) == sorted(path.name for path in out.glob("sample-*"))
    listed = json.loads(Path("samples/list/samples.json").read_text(encoding="utf-8"))["samples"]
    assert [(each["file"], each["prompt"]) for each in listed] == [
        ("sample-000.png", "a red bus"),
        ("sample-001.png", "a red bus"),
        ("sample-002.png", "a green tree"),
        ("sample-003.png", "a green tree"),
    ]
    filled = Path("samples/gaps/sample-000.txt").read_text(encoding="utf-8")
    assert re.fullmatch(r"def .*\(self\): return .*", filled, re.DOTALL)
