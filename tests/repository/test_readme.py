"""Commands in README and docs/ exist; those of README are run in order, with small settings."""

import importlib.metadata
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from triptych.cli.demo.corpus import RUN_FILE
from triptych.cli.main import COMMANDS as COMMANDS_BY_NAME
from triptych.cli.main import cli
from triptych.schemas.config.load import load_run
from triptych.schemas.config.run import DaskEngine

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
# What replaces the settings of README's two files, so that its commands take seconds.
CHEAP_RUN = {
    "engine": {"kind": "serial"},
    "tokenizers": {
        "text": {"kind": "sentencepiece", "vocab_size": 300},
        "image": {"kind": "vq", "size": 32, "downsample": 16, "codes": 16, "steps": 1},
        "audio": {"kind": "rvq", "sample_rate": 16000, "levels": 2, "codes": 16, "steps": 1},
    },
}
CHEAP_TRAIN = {"model": {"depth": 1, "width": 64}, "steps": 2}
CHEAP = {"browse": ["--html", "page.html"], "sample": ["--steps", "2", "--n", "1"], "evaluate": ["--n", "2"]}


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]
PAGES = [CONTRIBUTING, *(path.read_text() for path in sorted((ROOT / "docs").rglob("*.md")))]
ELSEWHERE = [line for page in PAGES for block in blocks("sh", page) for line in block.splitlines()]
OURS = [shlex.split(line)[1:] for line in COMMANDS if line.startswith("triptych ")]


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
        assert line == ". .venv/bin/activate"


def test_make_test_runs_the_documented_command() -> None:
    assert "`python -m pytest -n 2`" in " ".join(CONTRIBUTING.split())
    recipe = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert recipe.splitlines()[-1] == ".venv/bin/python -m pytest -n 2"


def test_the_cluster_is_given_as_the_readme_says(corpora: Path) -> None:
    (corpora / "run.yaml").write_text(blocks("yaml")[0])
    (command,) = [arguments for arguments in OURS if any("scheduler" in part for part in arguments)]
    config = load_run(corpora / "run.yaml", [command[-1]])
    assert config.engine == DaskEngine(kind="dask", scheduler="tcp://scheduler.example:8786")


def test_the_commands_and_the_python_of_the_readme_work(
    corpora: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(corpora)
    for language, name, cheap in (("yaml", "run.yaml", CHEAP_RUN), ("yml", "train.yaml", CHEAP_TRAIN)):
        (block,) = blocks(language)
        assert yaml.safe_load(block).keys() >= cheap.keys() - {"engine"}
        Path(name).write_text(yaml.safe_dump(yaml.safe_load(block) | cheap))
    for arguments in OURS:
        if not any("scheduler" in part for part in arguments):
            cli.main([*arguments, *CHEAP.get(arguments[0], [])], standalone_mode=False)
    assert {path.suffix for path in Path("shown").iterdir()} >= {".txt", ".json"}
    assert {path.suffix for path in Path("samples").iterdir()} == {".png", ".json"}
    assert Path("report/report.html").is_file()
    printed = capsys.readouterr().out
    assert "match the manifest" in printed
    assert "1 text_not_string" in printed
    assert "1 exact_duplicate" in printed
    (code,) = blocks("python")
    exec(code, {})
    assert re.search(r"\d+ rows of 512 tokens\n\(512,\) uint16 \d+\.\d+% full\n", capsys.readouterr().out)


def test_the_run_file_reads_what_the_demo_makes() -> None:
    made = {source["name"]: source for source in yaml.safe_load(RUN_FILE.format(seed=0))["sources"]}
    (block,) = blocks("yaml")
    for source in yaml.safe_load(block)["sources"]:
        assert source == made[source["name"]] | {"path": f"demo/{made[source['name']]['path']}"}


def test_the_readme_is_short_and_lists_every_command() -> None:
    assert len(README.splitlines()) <= 150
    table = "".join(re.findall(r"^\| `triptych .*\n", README, re.MULTILINE))
    for name in COMMANDS_BY_NAME:
        assert f"`triptych {name}" in table


def test_the_table_of_dependencies_names_every_library_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [line for extra in extras.keys() - {"dev"} for line in [*project["dependencies"], *extras[extra]]]
    required = {re.match(r"[\w.-]+", line)[0].lower() for line in lines}  # type: ignore[index]
    rows = re.findall(r"^\| ([\w., -]+) \|", CONTRIBUTING.partition("## Dependencies")[2], re.MULTILINE)
    named = {name.strip().lower() for row in rows if row != "package" for name in row.split(",")}
    assert named == required
