"""`triptych init` as a user runs it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., Any]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.jsonl").write_text('{"id": 1, "body": "some words of a text"}\n' * 5)
    return tmp_path


def test_it_writes_a_run_file_and_says_what_was_guessed_and_how_to_go_on(triptych: Run, data: Path) -> None:
    said = triptych("init", "docs")
    assert said.code == 0, said.err
    for words in ("docs/a.jsonl", "JSON lines with the columns id, body", "column `body` holds strings"):
        assert words in said.out
    assert said.out.splitlines()[-1] == "Wrote run.yaml. Next: triptych prepare run.yaml --check"
    tree = yaml.safe_load((data / "run.yaml").read_text())
    assert tree["name"] == "docs"
    assert tree["sources"] == [{"name": "a", "kind": "jsonl", "path": "docs/a.jsonl", "text": "body"}]
    checked = triptych("prepare", "run.yaml", "--check")
    assert checked.code == 0, checked.err
    assert "5 rows (counted)" in checked.out


def test_it_replaces_no_file(triptych: Run, data: Path) -> None:
    (data / "run.yaml").write_text("mine")
    said = triptych("init", "docs")
    assert said.code == 2
    assert "run.yaml: exists, and is not replaced" in said.err
    assert (data / "run.yaml").read_text() == "mine"
    assert triptych("init", "docs", "--out", "other.yaml").code == 0


def test_what_is_not_there_is_refused(triptych: Run, data: Path) -> None:
    said = triptych("init", "docs", "nowhere")
    assert (said.code, said.out) == (2, "")
    assert "nowhere: does not exist" in said.err
    assert not (data / "run.yaml").exists()


def test_names_that_a_terminal_obeys_are_made_visible(triptych: Run, data: Path) -> None:
    (data / "docs/b\x1b[31m.bin").write_bytes(b"\0")
    said = triptych("init", "docs")
    assert said.code == 0
    assert "\x1b" not in said.out
    assert "b\\x1b[31m.bin" in said.out
    yaml.safe_load((data / "run.yaml").read_text())
