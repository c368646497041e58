"""Commands in README and docs/ exist; README's quick ones are run, in the order in which they stand."""

import importlib.metadata
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from triptych.cli.main import cli
from triptych.schemas.config.load import load_run
from triptych.schemas.config.run import DaskEngine

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CHEAP = ["image.size=32", "image.codes=16", "image.steps=1", "audio.codes=16", "audio.steps=1", "text.vocab_size=300"]
SMALL = {
    "train": [part for key in ("model.width=64", "steps=2") for part in ("--set", key)],
    "sample": ["--steps", "2", "--n", "1"],
    "evaluate": ["--n", "2"],
}


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]
PAGES = [path.read_text() for path in sorted((ROOT / "docs").rglob("*.md"))]
ELSEWHERE = [line for page in PAGES for block in blocks("sh", page) for line in block.splitlines()]
OURS = [shlex.split(line)[1:] for line in COMMANDS if line.startswith("triptych ")]


def cheaply(arguments: list[str]) -> list[str]:
    """The command with a smaller budget for training, and in this process unless it asks for workers."""
    if arguments[0] in SMALL:
        return [*arguments, *SMALL[arguments[0]]]
    if not {"prepare", "train", "check"} & set(arguments):
        return arguments
    given = [part for setting in CHEAP for part in ("--set", f"tokenizers.{setting}")]
    alone = ["--engine", "serial"] if arguments[0] == "prepare" and "--workers" not in arguments else []
    return [*arguments, *given, *alone]


@pytest.mark.parametrize("line", dict.fromkeys(COMMANDS + ELSEWHERE))
def test_commands_exist(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ids.txt").touch()  # a file that has to be there before the command looks at anything else
    program, *arguments = shlex.split(line)
    if program == "triptych":
        command: click.Command = cli
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), arguments.pop(0))
            assert found is not None, line
            command = found
        command.make_context(line, arguments)  # raises UsageError on an option that is not there
    elif program == "make":
        assert re.search(rf"^{re.escape(arguments[0])}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "dask":
        assert importlib.metadata.entry_points(group="dask_cli", name=arguments[0])
    else:
        assert line in {". .venv/bin/activate", "python -m pytest -n 2"}


def test_make_test_runs_the_command_of_the_readme() -> None:
    recipe = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert recipe.splitlines()[-1] == ".venv/bin/python -m pytest -n 2"


def test_the_cluster_is_given_as_the_readme_says(corpora: Path) -> None:
    (corpora / "run.yaml").write_text(blocks("yaml")[0])
    (command,) = [arguments for arguments in OURS if any("scheduler" in part for part in arguments)]
    config = load_run(corpora / "run.yaml", [command[-1]])
    assert config.engine == DaskEngine(kind="dask", scheduler="tcp://scheduler.example:8786")


def test_what_the_readme_says_can_be_done(
    corpora: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(corpora)
    Path("run.yaml").write_text("".join(blocks("yaml")))
    Path("train.yaml").write_text("".join(blocks("yml")))
    for arguments in OURS:
        if arguments == ["demo"] or any("scheduler" in part for part in arguments):
            continue
        if arguments[0] == "takedown":
            shown = CliRunner().invoke(cli, ["show", "out/stamps", "--json"]).output
            Path("ids.txt").write_text(json.loads(shown)[0]["id"])
        if "--workers" in arguments:  # in a process of its own, as Dask's workers start from it
            program = str(Path(sys.executable).with_name("triptych"))
            subprocess.run([program, *cheaply(arguments)], check=True, capture_output=True)
        else:
            cli.main(cheaply(arguments), standalone_mode=False)
    assert Path("out/quick/manifest.json").is_file()
    assert {path.suffix for path in Path("shown").iterdir()} >= {".txt", ".json"}
    assert {path.suffix for path in Path("samples").glob("*/*")} == {".txt", ".png", ".wav", ".json"}
    assert Path("report/report.html").is_file()
    said = capsys.readouterr().out
    assert "match the manifest" in said
    assert "1 text_not_string" in said
    assert "1 exact_duplicate" in said
    (code,) = blocks("python")
    exec(code, {})
    assert re.search(r"image-text \(\d+, 4096\) uint16 \d+\.\d+% full", capsys.readouterr().out)


def test_the_table_names_every_library_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [line for extra in extras.keys() - {"dev"} for line in [*project["dependencies"], *extras[extra]]]
    required = {re.match(r"[\w-]+", line)[0].lower() for line in lines}  # type: ignore[index]
    rows = re.findall(r"^\| ([\w, -]+) \|", README.partition("## What is used for what")[2], re.MULTILINE)
    named = {name.strip().lower() for row in rows if row != "package" for name in row.split(",")}
    assert named == required
