"""Dropped rows are listed in order, each with what its source holds there, and drawn by a seed."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.inspection import dropped as module
from triptych.pipelines.inspection.dropped import dropped_rows
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal


@pytest.fixture
def out(text_tree: Any, prepared: Any, makers: Any, tmp_path: Path) -> Path:
    """Two sources: a JSONL file with 6 short, 3 wrong and 1 broken line, and a Parquet file with 2 short texts."""
    lines = [json.dumps({"text": makers.words(i, 20)}) for i in range(5)]
    lines += [json.dumps({"text": f"short {i}"}) for i in range(6)]
    lines += ['{"body": 1}', '{"body": 2}', '{"body": 3}', "no json \x1b\xff"]
    (tmp_path / "a.jsonl").write_bytes("\n".join(lines).encode("latin-1"))
    texts = [makers.words(50, 20), "one", makers.words(51, 20), "two"]
    pq.write_table(pa.table({"text": texts}), tmp_path / "b.parquet")
    sources = [
        {"name": "a", "kind": "jsonl", "path": f"{tmp_path}/a.jsonl", "text": "text"},
        {"name": "b", "kind": "parquet", "path": f"{tmp_path}/b.parquet", "text": "text"},
    ]
    filters = [{"name": "text_length", "min_words": 5}]
    prepared(text_tree(tmp_path / "out", sources=sources, filters=filters))
    return tmp_path / "out"


def places(lines: Any) -> list[tuple[str, int, str]]:
    return [(line["source"], line["row"], line["reason"]) for line in lines]


def test_each_line_has_the_raw_row_of_its_source(out: Path) -> None:
    chosen = dropped_rows(Dataset(str(out)), None, None)
    lines = list(chosen.lines)
    assert places(lines) == [
        (line["source"], line["row"], line["reason"]) for line in pq.read_table(out / "dropped.parquet").to_pylist()
    ]
    raw = {(line["source"], line["row"]): line["raw"] for line in lines}
    assert raw["a", 6] == {"line": '{"text": "short 1"}'}
    assert raw["a", 12] == {"line": '{"body": 2}'}
    assert raw["a", 14] == {"line": "no json \x1b\\xff"}
    assert raw["b", 3] == {"text": "two"}
    assert sum(chosen.counts.values()) == len(lines) == 12


def test_a_reason_and_a_source_select(out: Path) -> None:
    dataset = Dataset(str(out))
    chosen = dropped_rows(dataset, "text_length", "b")
    assert chosen.counts == {("filter", "text_length"): 2}
    assert places(chosen.lines) == [("b", 1, "text_length"), ("b", 3, "text_length")]
    with pytest.raises(Refusal, match=r"The reasons are: .*text_length, text_missing"):
        dropped_rows(dataset, "none", None)
    with pytest.raises(Refusal, match="the sources of texts are a, b"):
        dropped_rows(dataset, None, "c")


def test_a_sample_is_drawn_by_its_seed_in_batches_of_any_size(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(str(out))

    def drawn(seed: int, count: int = 4) -> list[tuple[str, int, str]]:
        return places(dropped_rows(dataset, None, None, count, seed).lines)

    everything = places(dropped_rows(dataset, None, None).lines)
    first = drawn(0)
    assert len(first) == len(set(first)) == 4
    assert first == [line for line in everything if line in first]
    assert len({tuple(drawn(seed)) for seed in range(6)}) > 1
    assert drawn(0, 100) == everything
    monkeypatch.setattr(module, "BATCH", 1)
    monkeypatch.setattr(module, "FIRST_WINDOW", 1)
    assert drawn(0) == first
    assert places(dropped_rows(dataset, None, None).lines) == everything


def test_rows_of_a_source_that_is_gone_are_listed_without(out: Path) -> None:
    (out.parent / "a.jsonl").unlink()
    lines = list(dropped_rows(Dataset(str(out)), None, None).lines)
    assert {line["source"]: line["raw"] is None for line in lines} == {"a": True, "b": False}
    (out / "run.json").unlink()
    assert all(line["raw"] is None for line in dropped_rows(Dataset(str(out)), None, None).lines)


def test_a_batch_that_holds_none_of_the_rows_is_passed_over(
    text_tree: Any, prepared: Any, makers: Any, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"text": [None, makers.words(1, 20)]}), tmp_path / "b.parquet")
    source = {"name": "b", "kind": "parquet", "path": f"{tmp_path}/b.parquet", "text": "text"}
    prepared(text_tree(tmp_path / "out", sources=[source]))
    (line,) = dropped_rows(Dataset(str(tmp_path / "out")), None, None).lines
    assert (line["row"], line["reason"], line["raw"]) == (0, "text_missing", None)


@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "lost"])
def test_a_damaged_list_is_refused(out: Path, damage: str) -> None:
    path = out / "dropped.parquet"
    data = path.read_bytes()
    middle = len(data) // 2
    changed = {
        "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "cut": data[:-9],
        "emptied": b"",
    }
    path.unlink() if damage == "lost" else path.write_bytes(changed[damage])
    with pytest.raises(Refusal, match=r"dropped.parquet: (its checksum is|cannot be read)"):
        list(dropped_rows(Dataset(str(out)), None, None).lines)
