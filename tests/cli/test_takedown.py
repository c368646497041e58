"""`triptych takedown`: what it prints, and its exit codes."""

import io
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


def test_contents_name_what_goes_as_ids_do(triptych: Callable[..., Any], dataset: Path, tmp_path: Path) -> None:
    shown = json.loads(triptych("show", dataset, "--row", 0, "--json").out)
    contents = sorted({segment["content"] for segment in shown})
    (tmp_path / "contents").write_text("\n".join([*contents, "0" * 32]))
    said = triptych("takedown", dataset, "--ids", tmp_path / "contents", "--json")
    assert said.code == 1
    done = json.loads(said.out)
    assert done["removed"] == sorted({segment["id"] for segment in shown})
    assert done["missing"] == ["0" * 32]


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


def test_it_prints_what_it_will_remove_and_a_dry_run_changes_nothing(
    triptych: Callable[..., Any], dataset: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    before = contents(dataset)
    said = triptych("takedown", dataset, "--source", "prompts", "--dry-run")
    assert said.code == 0
    assert "To be removed from" in said.out
    assert "  prompts: " in said.out
    facts = json.loads(triptych("takedown", dataset, "--source", "prompts", "--dry-run", "--json").out)
    assert len(facts["ids"]) >= facts["sources"]["prompts"][0] > 0
    assert contents(dataset) == before
    done = triptych("takedown", dataset, "--source", "prompts", "--json")
    assert "To be removed from" in done.err
    assert len(json.loads(done.out)["removed"]) == sum(counts[0] for counts in facts["sources"].values())
    assert triptych("verify", dataset).code == 0


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_it_asks_in_a_terminal(
    triptych: Callable[..., Any], dataset: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    stdin = io.StringIO(answer)
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", stdin)
    manifest = (dataset / "manifest.json").read_bytes()
    said = triptych("takedown", dataset, "--source", "docs", "--file", "0.*")
    assert said.code == code
    assert ((dataset / "manifest.json").read_bytes() == manifest) is (code == 1)
    assert triptych("takedown", dataset, "--source", "docs", "--file", "1.*", "--yes").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--source", "none"], 2),
        (["--file", "none*"], 1),
        (["--match", "license"], 2),
        (["--match", "url=*"], 2),
        (["--match", "license=cc0"], 1),
    ],
)
def test_what_selects_nothing_changes_nothing(
    triptych: Callable[..., Any], dataset: Path, arguments: list[str], code: int
) -> None:
    manifest = (dataset / "manifest.json").read_bytes()
    said = triptych("takedown", dataset, *arguments)
    assert said.code == code
    assert "Traceback" not in said.err
    assert (dataset / "manifest.json").read_bytes() == manifest


def test_what_remains_elsewhere_is_said(triptych: Callable[..., Any], dataset: Path) -> None:
    for arguments in (["--dry-run"], ["--yes"]):
        said = triptych("takedown", dataset, "--source", "prompts", *arguments)
        assert said.code == 0
        assert "tokenizers of this dataset, which the run trained on its documents" in said.out
        assert "`run.json` of a run names " in said.out
        assert "copies of shards in a `data.cache` other than ~/.cache/triptych" in said.out
    told = json.loads(triptych("takedown", dataset, "--source", "docs", "--dry-run", "--json").out)
    assert len(told["remains"]) == 4


def test_copies_of_rewritten_shards_leave_the_cache_of_trainings(
    triptych: Callable[..., Any], dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cache = tmp_path / "home" / ".cache" / "triptych"
    cache.mkdir(parents=True)
    entries = json.loads((dataset / "manifest.json").read_bytes())["shards"]
    for entry in entries:
        (cache / f"{entry['xxh3']}.arrow").write_bytes((dataset / entry["file"]).read_bytes())
    done = json.loads(triptych("takedown", dataset, "--source", "prompts", "--json").out)
    gone = {line["file"] for line in done["rewritten"]}
    left = {entry["xxh3"] for entry in entries if entry["file"] not in gone}
    assert {path.stem for path in cache.iterdir()} == left
    assert len(done["uncached"]) == len(gone) > 0
