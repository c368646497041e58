"""The Dockerfile: without faults that a linter knows, and with all that its steps read."""

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import apache_beam

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "Dockerfile"
LINES = [line for line in re.sub(r"\\\n", " ", FILE.read_text()).splitlines() if line and not line.startswith("#")]
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def in_context(name: str) -> bool:
    """Whether docker sends a file at the top of the repository: the last line that matches decides."""
    sent = True
    for line in IGNORED:
        if fnmatch.fnmatch(name, line.removeprefix("!").rstrip("/")):
            sent = line.startswith("!")
    return sent


def test_a_linter_finds_no_fault() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([linter, FILE], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_every_stage_and_source_is_there() -> None:
    stages = re.findall(r"^FROM \S+ AS (\w+)$", "\n".join(LINES), re.M)
    assert stages == ["triptych", "beam"]
    for line in LINES:
        if line.startswith("COPY ") and "--from" not in line:
            (source, _) = line.split()[1:]
            assert source == "." or ((ROOT / source).exists() and in_context(source))
    assert f"apache/beam_python3.11_sdk:{apache_beam.__version__} " in FILE.read_text()


def test_the_context_is_what_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    members = {path.resolve().name for path in (ROOT / "triptych").iterdir() if path.is_symlink()}
    for name in {"pyproject.toml", project["readme"], *project["license-files"], "triptych", *members}:
        assert in_context(name), name
    for name in (".venv", ".git", "docs", "tests", "build", "corpora", "out", "demo"):
        assert not in_context(name), name


def test_the_extras_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r"^ARG EXTRAS=(\S+)$", "\n".join(LINES), re.M)
    assert set(extras.split(",")) <= project["optional-dependencies"].keys()
    assert "[${EXTRAS}]" in FILE.read_text()
