"""The scripts for Dask by hand and SLURM: without faults that a linter knows, and the options they give exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from distributed.cli import dask_scheduler, dask_worker

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "deploy").rglob("*.sh"))
PAGES = {"dask": "dask-by-hand.md", "prism.sh": "clusters.md", "slurm": "slurm.md"}


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("script", SCRIPTS, ids=names)
def test_a_linter_finds_no_fault(script: Path) -> None:
    linter = Path(sys.executable).with_name("shellcheck")
    line = [str(linter), "--severity=style", "--exclude=SC1091", str(script)]
    found = subprocess.run(line, capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert script.stat().st_mode & 0o111
    assert "\nset -euo pipefail\n" in script.read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=names)
def test_options_of_dask_exist(script: Path) -> None:
    text = re.sub(r"\\\n", " ", script.read_text())
    for program, command in (("scheduler", dask_scheduler.main), ("worker", dask_worker.main)):
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for line in re.findall(rf"dask['\"]? {program} ([^&\n>]*)", text):
            assert set(re.findall(r"(--[\w-]+)", line)) <= known, line


@pytest.mark.parametrize("script", SCRIPTS, ids=names)
def test_a_page_describes_it(script: Path) -> None:
    folder = script.relative_to(ROOT / "deploy").parts[0]
    page = (ROOT / "docs" / "how-to" / PAGES[folder]).read_text()
    train = (ROOT / "docs" / "how-to" / "train-distributed.md").read_text()
    assert names(script) in page + train
