"""Licences from a source's column to the segment table, and their counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.inspection.stats import stats
from triptych.pipelines.inspection.verify import verify
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal

LICENCES = ["MIT", " CC0\n", "", None, "MIT", "  "]
CLEAN = ["MIT", "CC0", None, None, "MIT", None]


@pytest.fixture
def licensed(text_tree: Any, prepared: Any, makers: Any, tmp_path: Path) -> Path:
    """A dataset of a source that says licences, with one text longer than a row, and of one that does not."""
    lines = [{"text": makers.words(i, 400 if i == 4 else 20), "by": LICENCES[i % 6]} for i in range(60)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines[:9]))
    sources = [{"name": name, "kind": "jsonl", "path": f"{tmp_path}/{name}.jsonl", "text": "text"} for name in "ab"]
    sources[0]["license"] = "by"
    prepared(text_tree(tmp_path / "out", sources=sources))
    return tmp_path / "out"


def segments(out: Path) -> list[dict[str, Any]]:
    dataset = Dataset(str(out))
    return [segment for index in range(dataset.rows) for segment in dataset.row(index).segments]


def test_every_segment_has_the_licence_of_its_row(licensed: Path) -> None:
    found = segments(licensed)
    assert sum(segment["source"] == "a" for segment in found) > 60  # the long text has several
    for segment in found:
        assert segment["license"] == (CLEAN[segment["row"] % 6] if segment["source"] == "a" else None)


def test_counts_are_those_of_the_segments(licensed: Path) -> None:
    dataset, findings = verify(str(licensed))
    assert findings == []
    facts = stats(dataset.manifest)["licenses"]
    mine = [segment for segment in segments(licensed) if segment["source"] == "a"]
    counts = {line["license"]: line["segments"] for line in facts if line["source"] == "a"}
    assert counts == {name: sum(s["license"] == name for s in mine) for name in ("CC0", "MIT", None)}
    assert sum(line["segments"] for line in facts) == sum(dataset.manifest.statistics.sources[s].segments for s in "ab")
    tokens = sum(entry.tokens["text"] for entry in dataset.manifest.shards)
    assert sum(line["tokens"] for line in facts) == tokens


def test_a_dataset_without_licences_says_nothing_of_them(made: Path) -> None:
    assert stats(Dataset(str(made)).manifest)["licenses"] == []
    assert all(segment["license"] is None for segment in segments(made))


def test_another_column_is_read_anew(licensed: Path, text_tree: Any, prepared: Any, tmp_path: Path) -> None:
    source = {"name": "a", "kind": "jsonl", "path": f"{tmp_path}/a.jsonl", "text": "text", "license": "none"}
    prepared(text_tree(licensed, sources=[source]))
    assert {segment["license"] for segment in segments(licensed)} == {None}


def test_rows_of_another_version_are_refused(licensed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.schemas.dataset.reader.READABLE", (99,))
    with pytest.raises(Refusal, match=r"its rows have version \d+, but this Triptych reads \[99\]"):
        Dataset(str(licensed)).row(0)
