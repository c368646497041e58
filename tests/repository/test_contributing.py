"""CONTRIBUTING.md names files that exist, and the metadata files agree with pyproject.toml."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)*(?:\.(?:py|md|json|yaml|toml)|/))`")
GENERATED = {"build/"}


def test_every_file_that_is_named_exists() -> None:
    named = FILE.findall(PAGE)
    assert len(named) > 60
    for name in named:
        if name.startswith((".venv", *GENERATED)):
            continue
        path = ROOT / name
        if "NAME" in name:  # a file to be added
            path = path.parent
        elif "/" not in name:  # beside the file named before it
            assert path.exists() or list(ROOT.rglob(name)), name
            continue
        assert path.exists(), name


def test_every_question_has_its_file() -> None:
    section = PAGE.partition("## Where is … done?")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (Where .*\?) \| `(.*)` \|$", section, re.MULTILINE)
    assert len(rows) >= 25
    assert len({question for question, _ in rows}) == len(rows)
    for question, file in rows:
        assert (ROOT / file).is_file(), f"{question} {file}"


def test_the_citation_has_the_version_and_the_licence_of_the_project() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation["authors"] == [{"name": "The Triptych developers"}]


def test_pre_commit_runs_what_the_continuous_integration_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (repo,) = hooks["repos"]
    assert repo["repo"] == "local"
    recipes = re.findall(r"^\t(\.venv/bin/(?:ruff|mypy) .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [hook["entry"] for hook in repo["hooks"]] == recipes
