"""`triptych prepare` as a user runs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., Any]


@pytest.fixture
def run_yaml(text_tree: Callable[..., Any], tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(text_tree(tmp_path / "out")))
    return path


def test_it_prepares_and_says_what_there_is(triptych: Run, run_yaml: Path) -> None:
    said = triptych("prepare", run_yaml)
    assert said.code == 0, said.err
    out = run_yaml.parent / "out"
    for word in ("Ledger", "docs", "normalise", "rows in", "text tokens.", f"triptych stats {out}"):
        assert word in said.out
    assert (out / "manifest.json").exists()
    report = json.loads((out / "run.json").read_text())
    assert report["engine"] == {"kind": "serial"}
    assert [step["step"] for step in report["steps"]] == [
        "inputs",
        "read",
        "tokenizers",
        "encoder",
        "text",
        "shuffle",
        "pack",
    ]
    # one process is both here; the kernel's count of its peak lags by some pages
    assert report["peak_bytes_of_the_driver"] == pytest.approx(report["peak_bytes_of_a_worker"], rel=0.05)
    assert report["peak_bytes_of_a_worker"] > 1 << 20
    again = triptych("prepare", run_yaml)
    steps = json.loads((out / "run.json").read_text())["steps"]
    assert again.out == said.out
    assert all(step["partitions"] == step["reused"] for step in steps if step["step"] not in ("inputs", "shards"))


def test_json_is_all_there_is_on_standard_output(triptych: Run, run_yaml: Path) -> None:
    said = triptych("prepare", run_yaml, "--json", "--set", "row_length=300", "--set", "name=other")
    facts = json.loads(said.out)
    assert {"out", "rows", "shards", "tokens", "fill", "advice", "fingerprint"} == set(facts)
    manifest = json.loads((run_yaml.parent / "out/manifest.json").read_text())
    assert (manifest["row_length"], manifest["name"]) == (300, "other")
    assert manifest["fingerprint"] == facts["fingerprint"]


def test_the_engine_of_the_command_line_wins(triptych: Run, text_tree: Any, tmp_path: Path) -> None:
    run_yaml = tmp_path / "run.yaml"
    run_yaml.write_text(yaml.safe_dump(text_tree(tmp_path / "out", engine={"kind": "dask", "workers": 3})))
    assert triptych("prepare", run_yaml, "--engine", "serial").code == 0
    assert json.loads((tmp_path / "out/run.json").read_text())["engine"] == {"kind": "serial"}


def test_a_run_that_is_done_is_done_on_beam_as_well(triptych: Run, run_yaml: Path) -> None:
    said = triptych("prepare", run_yaml)
    again = triptych("prepare", run_yaml, "--engine", "beam")
    assert (again.code, again.out) == (0, said.out)
    report = json.loads((run_yaml.parent / "out/run.json").read_text())
    assert report["engine"] == {"kind": "beam", "runner": "FnApiRunner", "workers": None, "options": {}}
    steps = {step["step"]: step for step in report["steps"]}
    assert steps["shuffle"]["partitions"] == steps["shuffle"]["reused"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["sources.docs.path=none/*.jsonl"], ("`sources.docs.path`", "none/*.jsonl", "Check the path")),
        (["sources.docs.path=none.jsonl"], ("`sources.docs.path`", "none.jsonl", "does not exist")),
        (
            ["tokenizers.text.path=none.model"],
            ("tokenizers.text.path", "none.model", "does not exist", "leave `path` out"),
        ),
        (["row_lenght=4"], ("`row_lenght`", "Did you mean `row_length`?")),
        (["engine={kind: beam, runner: DaskRunner}"], ("`engine.runner`", "loses rows")),
    ],
)
def test_what_cannot_succeed_is_refused_before_any_work(
    triptych: Run, run_yaml: Path, overrides: list[str], words: tuple[str, ...]
) -> None:
    said = triptych("prepare", run_yaml, *(word for override in overrides for word in ("--set", override)))
    assert said.code == 2
    (paragraph,) = said.err.strip().splitlines()
    assert all(word in paragraph for word in words), paragraph
    assert not (run_yaml.parent / "out").exists()


def test_a_row_too_short_for_a_picture_is_refused(triptych: Run, makers: Any, home: Path, tmp_path: Path) -> None:
    run_yaml = tmp_path / "run.yaml"
    run_yaml.write_text(makers.run_file)
    said = triptych("prepare", run_yaml, "--set", "row_length=260", "--set", f"out={tmp_path}/out")
    assert said.code == 2
    assert "row_length: 260 is too short for one image of source `stamps`" in said.err
    assert "256 tokens" in said.err
    # task slot, a token and its end, the picture and its two marks
    assert "Set row_length to 261 or more" in said.err


def test_a_row_too_short_for_a_given_picture_tokenizer_is_refused(
    triptych: Run, tree: Callable[..., Any], tmp_path: Path
) -> None:
    run_yaml = tmp_path / "run.yaml"
    run_yaml.write_text(yaml.safe_dump(tree(tmp_path / "out", row_length=20)))
    said = triptych("prepare", run_yaml)
    assert said.code == 2
    assert "Set row_length to 21 or more" in said.err
    assert not (tmp_path / "out").exists()


def test_stopping_says_how_to_go_on(triptych: Run, run_yaml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("triptych.pipelines.prepare.identify", stop)
    said = triptych("prepare", run_yaml)
    assert said.code == 130
    assert "Run the same command again" in said.err
    monkeypatch.undo()


def test_advice_is_given_where_pairs_are_lost(
    triptych: Run, tree: Callable[..., Any], sources: list[Any], tmp_path: Path
) -> None:
    run_yaml = tmp_path / "run.yaml"
    run_yaml.write_text(yaml.safe_dump(tree(tmp_path / "out", sources=sources[1:2], row_length=30)))
    said = triptych("prepare", run_yaml)
    assert said.code == 0, said.err
    assert "pair_too_long" in said.out
    assert "pairs need more than row_length 30; row_length " in said.out
    assert "would keep 99 % of them" in said.out


def test_limit_is_that_of_every_source(triptych: Run, run_yaml: Path) -> None:
    said = triptych("prepare", run_yaml, "--limit", 7)
    assert said.code == 0, said.err
    manifest = json.loads((run_yaml.parent / "out/manifest.json").read_text())
    assert [source["limit"] for source in manifest["config"]["sources"]] == [7]
    assert manifest["ledger"][0]["rows_in"] == 7
    same = triptych("prepare", run_yaml, "--set", "sources.docs.limit=7", "--json")
    assert json.loads(same.out)["fingerprint"] == manifest["fingerprint"]


def test_check_looks_and_writes_nothing(triptych: Run, text_tree: Any, tmp_path: Path) -> None:
    sneaky = tmp_path / "sneaky.jsonl"
    sneaky.write_text(
        json.dumps({"text": "red \x1b[31m and [bold]not markup[/] \u202e in a text of " + "words " * 40}) + "\n"
    )
    source = {"name": "sneaky", "kind": "jsonl", "path": str(sneaky), "text": "text"}
    run_yaml = tmp_path / "run.yaml"
    run_yaml.write_text(yaml.safe_dump(text_tree(tmp_path / "out", sources=[source])))
    said = triptych("prepare", run_yaml, "--check")
    assert said.code == 0, said.err
    for word in (
        "sneaky  (jsonl, text)",
        "1 file",
        "1 rows (counted)",
        "columns  text; used: text",
        "[bold]not markup[/]",
    ):
        assert word in said.out
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    assert max(len(line.rstrip()) for line in said.out.splitlines()) <= 80
    facts = json.loads(triptych("prepare", run_yaml, "--check", "--json").out)
    assert facts["sources"][0]["rows"] == 1
    assert not (tmp_path / "out").exists()


def test_check_ends_with_1_when_nothing_would_be_kept_and_with_2_when_refused(
    triptych: Run, text_tree: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "words"}\n')
    source = {"name": "empty", "kind": "jsonl", "path": f"{tmp_path}/a.jsonl", "text": "text"}
    run_yaml = tmp_path / "run.yaml"
    run_yaml.write_text(yaml.safe_dump(text_tree(tmp_path / "out", sources=[source])))
    said = triptych("prepare", run_yaml, "--check")
    assert said.code == 1
    assert "Of the first rows of empty nothing would be kept" in said.out
    assert "text_missing: has body" in said.out
    said = triptych("prepare", run_yaml, "--check", "--set", "sources.empty.path=none.jsonl")
    assert said.code == 2
    assert "does not exist" in said.err


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_run_that_ends_early_prints_the_ledger_so_far(
    triptych: Run, text_tree: Callable[..., Any], tmp_path: Path, flags: list[str]
) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "a"}\n' * 4)
    source = {"name": "a", "kind": "jsonl", "path": str(tmp_path / "a.jsonl"), "text": "text"}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(text_tree(tmp_path / "out", sources=[source])))
    said = triptych("prepare", tmp_path / "run.yaml", *flags)
    assert said.code == 1
    assert said.out == ""
    assert "Ledger until the run ended in step read" in said.err
    assert "4 text_missing" in said.err
    assert said.err.splitlines()[-1].startswith("triptych: nothing is left of any source")


def test_an_interrupted_run_prints_the_ledger_so_far(
    triptych: Run, run_yaml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("triptych.pipelines.prepare.ready_tokenizers", stop)
    said = triptych("prepare", run_yaml)
    assert said.code == 130
    assert "Ledger until the run ended in step read" in said.err
    assert "normalise" in said.err


def test_a_source_that_loses_more_than_half_is_named_at_the_end(
    triptych: Run, text_tree: Callable[..., Any], makers: Any, tmp_path: Path
) -> None:
    lines = [json.dumps({"text": makers.words(i, 20)}) for i in range(4)]
    (tmp_path / "half.jsonl").write_text("\n".join([*lines, *["{}"] * 4]))
    (tmp_path / "more.jsonl").write_text("\n".join([*lines, *["{}"] * 4, "no json"]))
    sources = [
        {"name": name, "kind": "jsonl", "path": str(tmp_path / f"{name}.jsonl"), "text": "text"}
        for name in ("half", "more")
    ]
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(text_tree(tmp_path / "out", sources=sources)))
    for said in (triptych("prepare", tmp_path / "run.yaml"), triptych("stats", tmp_path / "out")):
        assert said.code == 0
        assert "more: 5 of 9 rows were dropped, 4 of them as text_missing" in said.out
        assert "half: " not in said.out
