"""`triptych takedown`: what it prints, and its exit codes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def dataset(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out", ignore=shutil.ignore_patterns("_work")))


def test_the_output_of_show_names_what_goes(triptych: Callable[..., Any], dataset: Path, tmp_path: Path) -> None:
    shown = json.loads(triptych("show", dataset, "--row", 0, "--json").out)
    ids = sorted({segment["id"] for segment in shown})
    (tmp_path / "ids").write_text("".join(json.dumps(segment) + "\n" for segment in shown))
    done = json.loads(triptych("takedown", dataset, "--ids", tmp_path / "ids", "--json").out)
    assert done["removed"] == ids
    assert [line["documents"] for line in done["rewritten"]] == [len(ids)]
    verified = triptych("verify", dataset, "--json")
    assert verified.code == 0
    assert json.loads(verified.out)["fingerprint"] == done["fingerprint"]


def test_shards_and_ids_are_named(triptych: Callable[..., Any], dataset: Path, tmp_path: Path) -> None:
    first = json.loads(triptych("show", dataset, "--json").out)[0]["id"]
    (tmp_path / "ids").write_text(f"{first}\n{'0' * 32}\n")
    said = triptych("takedown", dataset, "--ids", tmp_path / "ids")
    assert said.code == 1
    assert said.err == f"{'0' * 32}: not in this dataset.\n"
    assert ": 1 documents with " in said.out
    assert "rewritten as shards/" in said.out
    assert "_work/ was removed" in said.out
    (tmp_path / "ids").write_text(first)
    again = triptych("takedown", dataset, "--ids", tmp_path / "ids")
    assert again.code == 0
    assert "0 documents removed" in again.out
    assert "1 were removed before" in again.out


def test_misuse_is_refused(triptych: Callable[..., Any], dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("not an id")
    for arguments in (["--ids", tmp_path / "ids"], ["--ids", tmp_path / "none"], []):
        said = triptych("takedown", dataset, *arguments)
        assert said.code == 2
        assert "Traceback" not in said.err
