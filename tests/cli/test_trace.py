"""`triptych trace`: steps and documents of a run, places and dropped rows of a dataset."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from triptych.schemas.config.training import TrainConfig
from triptych.train.data.plan import plan_of
from triptych.train.run import write_run_record


class Traced(NamedTuple):
    data: Path
    run: Path
    document: dict[str, Any]
    command: Callable[..., Any]

    def json(self, *arguments: object) -> Any:
        said = self.command("trace", *arguments, "--json")
        assert said.code == 0, said.err
        return json.loads(said.out)


@pytest.fixture
def traced(text_tree: Any, prepared: Any, triptych: Any, tmp_path: Path) -> Traced:
    filters = [{"name": "text_length", "min_chars": 200}]
    prepared(text_tree(tmp_path / "data", filters=filters, row_length=128, pack={"shard_bytes": 4000}))
    data = {"datasets": [{"path": str(tmp_path / "data"), "weight": 1.0}], "batch_tokens": 512, "validation": 0.2}
    tree = {"out": str(tmp_path / "run"), "data": data, "model": {"depth": 1, "width": 64}, "steps": 40}
    config = TrainConfig.model_validate(tree)
    write_run_record(config, plan_of(config), 1, tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").write_text('{"step": 30}\n')
    shown = json.loads(triptych("show", tmp_path / "data", "--json").out)
    return Traced(tmp_path / "data", tmp_path / "run", shown[0], triptych)


def test_a_step_and_the_uses_of_its_documents_agree(traced: Traced) -> None:
    facts = traced.json(traced.run, "--step", 3)
    assert len(facts["rows"]) == 4
    for row in facts["rows"]:
        shown = json.loads(traced.command("show", traced.data, "--row", row["packed_row"], "--json").out)
        assert [one["id"] for one in row["segments"]] == [one["id"] for one in shown]
        one = row["segments"][0]
        for name in ("id", "content"):
            found = traced.json(traced.run, "--document", one[name])["segments"]
            mine = [
                each for each in found if (each["packed_row"], each["segment"]) == (row["packed_row"], one["segment"])
            ]
            (line,) = mine
            used = [use["step"] for use in line["uses"]]
            assert (3 in used) != one["held_out"]
            assert line["held_out"] == one["held_out"]
            assert max(used, default=0) <= 30
    said = traced.command("trace", traced.run, "--step", 35).out
    assert "step 35 of 40, not done yet" in said
    assert "task text, mask rate " in said


def test_a_document_of_a_dataset_is_placed_with_the_dropped_rows_of_its_file(traced: Traced) -> None:
    facts = traced.json(traced.data, "--document", traced.document["id"])
    (first, *_) = facts["segments"]
    assert (first["packed_row"], first["source"], first["row"]) == (
        0,
        traced.document["source"],
        traced.document["row"],
    )
    (file,) = facts["files"]
    assert file["dropped"] == sum(reason["rows"] for reason in file["reasons"]) > 0
    assert {row["reason"] for row in file["rows"]} == {reason["reason"] for reason in file["reasons"]}
    lost = file["rows"][0]["row"]
    said = traced.command("trace", traced.data, "--source", "docs", "--file", file["file"], "--row", lost).out
    assert f"row {lost}  {file['rows'][0]['reason']}" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "Give --step N"),
        (["run", "--step", "1", "--document", "0" * 32], "exclude each other"),
        (["run", "--step", "41"], "has steps 1 to 40"),
        (["run", "--document", "77"], "32 hexadecimal digits"),
        (["run", "--document", "7" * 32], "no dataset of the run has it"),
        (["data", "--document", "7" * 32], "no shard of"),
        (["data", "--step", "1"], "is for runs"),
        (["data", "--source", "nothing"], "the sources of"),
        (["gone", "--step", "1"], "it is no run"),
    ],
)
def test_what_cannot_be_traced_is_refused(traced: Traced, arguments: list[str], message: str) -> None:
    path, *rest = arguments
    said = traced.command("trace", traced.run.parent / path, *rest)
    assert said.code == 2
    assert message in " ".join(said.err.split())
