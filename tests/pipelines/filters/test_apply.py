"""Filters within a run: their order, whom they are for, the ledger, and what is redone when they change."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.filters.apply import Filters, filters_of
from triptych.pipelines.filters.registry import FILTERS, filter_function
from triptych.schemas.config.filters.image import ClipScore
from triptych.schemas.config.filters.text import Pii, TextLength
from triptych.schemas.config.run import Limits, RunConfig
from triptych.schemas.errors import Refusal

SHORT = TextLength(name="text_length", min_chars=10)
PII = Pii(name="pii")


def table(*texts: str) -> pa.Table:
    rows = range(len(texts))
    columns = {"source": ["docs"] * len(texts), "file": ["a"] * len(texts), "row": list(rows), "text": list(texts)}
    return pa.table(columns)


def test_the_first_filter_that_complains_is_the_reason() -> None:
    rows = table("a@b.example", "a@b.org", "short", "long enough to stay", "write to a@b.example")
    outcome = Filters((SHORT, PII), Limits()).run(rows)
    assert outcome.table["row"].to_pylist() == [3]
    found = {line["row"]: (line["stage"], line["reason"], line["detail"]) for line in outcome.dropped.to_pylist()}
    assert found == {
        0: ("filter", "pii", "1 e-mail addresses"),
        1: ("filter", "text_length", "7 characters, fewer than 10"),
        2: ("filter", "text_length", "5 characters, fewer than 10"),
        4: ("filter", "pii", "1 e-mail addresses"),
    }
    turned = Filters((PII, SHORT), Limits()).run(rows)
    assert {line["row"]: line["reason"] for line in turned.dropped.to_pylist()}[1] == "pii"


def test_weights_count_by_their_content_and_not_by_their_place(tmp_path: Path) -> None:
    for name, data in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "open_clip_model.safetensors").write_bytes(data)
    one, moved, other = (
        Filters((ClipScore(name="clip_score", path=f"{tmp_path}/{name}"),), Limits()).identity() for name in "abc"
    )
    assert one == moved != other


def test_nothing_left_and_nothing_there() -> None:
    assert Filters((SHORT, PII), Limits()).run(table("a", "b")).table.num_rows == 0
    assert Filters((SHORT, PII), Limits()).run(table().cast(table("a").schema)).table.num_rows == 0


def test_every_filter_of_the_run_file_has_a_judge(tree: Any) -> None:
    schema = json.dumps(RunConfig.model_json_schema()["properties"]["filters"])
    assert set(json.loads(schema)["items"]["discriminator"]["mapping"]) == set(FILTERS)
    for name in FILTERS:
        config = type("Named", (), {"name": name})
        assert callable(filter_function(config))  # type: ignore[arg-type]


def test_a_filter_is_for_all_that_it_can_judge_or_for_those_it_names(tree: Any) -> None:
    filters = [
        {"name": "text_length", "min_chars": 2},
        {"name": "pii", "sources": ["docs", "prompts"]},
        {"name": "image_aspect"},
        {"name": "duration", "max_seconds": 9},
    ]
    config = RunConfig.model_validate(tree("out", filters=filters))
    names = {source.name: [f.name for f in filters_of(source, config.filters)] for source in config.sources}
    assert names == {
        "docs": ["text_length", "pii"],
        "stamps": ["text_length", "image_aspect"],
        "prompts": ["text_length", "pii", "duration"],
    }


@pytest.fixture
def two_sources(text_tree: Any, makers: Any, tmp_path: Path) -> Any:
    """A run of two sources of the same texts, three of each short."""
    texts = [makers.words(i, 2 if i < 3 else 20) for i in range(30)]
    for name in ("a", "b"):
        makers.write_docs(tmp_path / f"{name}.jsonl", texts)
    rows = [{"name": name, "kind": "jsonl", "path": str(tmp_path / f"{name}.jsonl"), "text": "text"} for name in "ab"]

    def make(**changes: Any) -> Any:
        return text_tree(tmp_path / "out", sources=rows, **changes)

    return make


def test_drops_are_in_the_ledger_and_in_the_list(two_sources: Any, prepared: Any, tmp_path: Path) -> None:
    rule = {"name": "text_length", "min_words": 3}
    manifest = prepared(two_sources(filters=[rule | {"sources": ["b"]}]))
    tallies = {(tally.source, tally.stage): tally for tally in manifest.ledger}
    assert ("a", "filter") not in tallies
    mine = tallies["b", "filter"]
    assert (mine.rows_in, mine.kept, mine.dropped) == (30, 27, {"text_length": 3})
    lines = pq.read_table(tmp_path / "out" / "dropped.parquet").to_pylist()
    assert [(line["stage"], line["source"], line["row"], line["detail"]) for line in lines] == [
        ("filter", "b", row, "2 words, fewer than 3") for row in range(3)
    ]
    assert prepared(two_sources(filters=[rule])).statistics.sources["a"].samples == 27


def test_what_a_filter_needs_is_asked_for_before_any_work(two_sources: Any, prepared: Any, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="`keep: english`, which the model does not know"):
        prepared(two_sources(filters=[{"name": "language", "keep": ["english"]}]))
    assert not (tmp_path / "out").exists()


def test_another_filter_of_one_source_leaves_the_other_as_it_is(
    two_sources: Any, prepared: Any, tmp_path: Path
) -> None:
    prepared(two_sources(filters=[{"name": "text_length", "min_words": 3}]))
    folder = tmp_path / "out" / "_work" / "filter"
    before = set(folder.iterdir())
    filters = [{"name": "text_length", "min_words": 3}, {"name": "pii", "sources": ["b"]}]
    prepared(two_sources(filters=filters))
    added = set(folder.iterdir()) - before
    assert 0 < len(added) <= len(before) / 2
