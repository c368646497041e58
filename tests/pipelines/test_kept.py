"""Kept columns go with the rows into shards and the list of dropped rows, and stay when other rows are taken down."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from triptych.pipelines.inspection.verify import verify
from triptych.pipelines.takedown.takedown import take_down
from triptych.schemas.dataset.reader import Dataset


def segments(path: Path) -> list[dict[str, Any]]:
    dataset = Dataset(str(path))
    return [
        segment
        for entry in dataset.manifest.shards
        for segment in dataset.open(entry).batch.column("segments").flatten().to_pylist()
    ]


def test_columns_are_kept_from_the_source_to_the_shard(tmp_path: Path, text_tree: Any, prepared: Any) -> None:
    words = ["sun", "moon", "river", "stone", "green", "blue", "small", "large"]
    rows = [
        {"text": f"{words[n % 8]} {n} {words[n % 5]} " * 9, "url": f"http://x/{n}", "score": n / 10} for n in range(20)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text('{"text": "another source that keeps nothing"}\n')
    one = {"name": "one", "kind": "parquet", "path": str(tmp_path / "a.parquet"), "text": "text", "keep": ["url"]}
    two = {"name": "two", "kind": "jsonl", "path": str(tmp_path / "b.jsonl"), "text": "text"}
    rule = {"name": "column", "column": "score", "min": 0.5, "sources": ["one"]}
    tree = text_tree(tmp_path / "out", sources=[one, two], filters=[rule], dedup={"text": None})
    manifest = prepared(tree)
    found = segments(tmp_path / "out")
    kept = {segment["row"]: segment["kept"] for segment in found if segment["source"] == "one"}
    assert kept == {n: json.dumps({"url": f"http://x/{n}"}) for n in range(5, 20)}
    assert {segment["kept"] for segment in found if segment["source"] == "two"} == {None}
    (line,) = [line for line in manifest.ledger if line.stage == "filter" and line.source == "one"]
    assert line.dropped == {"column:score": 5}
    dropped = pq.read_table(tmp_path / "out/dropped.parquet").to_pylist()
    assert [(row["row"], row["detail"], row["kept"]) for row in dropped][1] == (
        1,
        "0.1, less than 0.5",
        '{"url": "http://x/1"}',
    )
    gone = next(segment for segment in found if segment["row"] == 7)
    take_down(str(tmp_path / "out"), [gone["id"].hex()])
    left = {segment["row"]: segment["kept"] for segment in segments(tmp_path / "out") if segment["source"] == "one"}
    assert left == {row: value for row, value in kept.items() if row != 7}
    assert verify(str(tmp_path / "out"))[1] == []
    assert "kept" in pq.read_schema(tmp_path / "out/dropped.parquet").names
