"""The command as a whole: a quick `--help`, errors of one paragraph, and exit codes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.cli.main import COMMANDS, SECTIONS

# Slow to import, and not needed for `--help`.
HEAVY: tuple[str, ...] = (
    "torch",
    "pyarrow",
    "numpy",
    "dask",
    "distributed",
    "datasets",
    "diffusers",
    "transformers",
    "sentencepiece",
)
HEAVY += ("pydantic", "rich", "fsspec", "yaml", "PIL", "soundfile", "webdataset")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom triptych.cli.main import cli\n"
        f"cli({arguments}, standalone_mode=False)\n"
        f"print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    assert done.stdout.strip()


def test_help_lists_every_command_in_the_order_of_work(triptych: Callable[..., Any]) -> None:
    said = triptych("--help")
    sections = [line.rstrip(":") for line in said.out.splitlines() if line.endswith(":") and line[0] != " "]
    assert sections == ["Options", *SECTIONS]
    places = [said.out.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert said.code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(triptych: Callable[..., Any], command: str) -> None:
    said = triptych(command, "--help")
    assert said.code == 0
    assert f"triptych {command} [OPTIONS]" in said.out.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["prepaer"], "No such command"),
        (["prepare"], "Missing argument"),
        (["prepare", "run.yaml", "--engine", "ray"], "'ray'"),
        (["show", "out", "--row", "0", "--cluster", "1"], "--row and --cluster"),
        (["prepare", "run.yaml", "--engine", "serial", "--workers", "2"], "--workers has no effect"),
        (["prepare", "run.yaml", "--workers", "0"], "--workers"),
        (["show", "out", "--row", "-1"], "--row"),
        (["stats", "out", "--jsn"], "--jsn"),
    ],
)
def test_misuse_exits_with_2_and_says_how(triptych: Callable[..., Any], arguments: list[str], word: str) -> None:
    said = triptych(*arguments)
    assert said.code == 2
    assert word in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", ["verify", "stats", "show"])
def test_no_dataset_is_misuse_in_one_paragraph(triptych: Callable[..., Any], tmp_path: Any, command: str) -> None:
    said = triptych(command, tmp_path / "none")
    assert said.code == 2
    (paragraph,) = said.err.strip().splitlines()
    assert paragraph.startswith("triptych: ")
    assert "no such file or folder" in paragraph
    assert said.out == ""


@pytest.mark.parametrize("command", ["verify", "stats", "show", "takedown"])
@pytest.mark.parametrize(("path", "what"), [("shards/0.arrow", "a shard of a dataset"), ("run.yaml", "a run file")])
def test_a_path_that_is_no_dataset_is_explained_by_every_command(
    triptych: Callable[..., Any], tmp_path: Path, command: str, path: str, what: str
) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards/0.arrow").touch()
    if path == "shards/0.arrow":
        (tmp_path / "manifest.json").touch()
    (tmp_path / "run.yaml").write_text("sources: []\n")
    (tmp_path / "ids").touch()
    said = triptych(command, tmp_path / path, *(["--ids", tmp_path / "ids"] if command == "takedown" else []))
    assert said.code == 2
    (paragraph,) = said.err.strip().splitlines()
    assert f"this is {what}, not a finished dataset" in paragraph
