"""Lists of texts are read alike by every reader, and become samples with ids of their own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from triptych.pipelines.sources.base import RawBatch, Reader
from triptych.pipelines.sources.row_ids import row_ids
from triptych.pipelines.sources.samples import samples
from triptych.schemas.config.sources import Source
from triptych.schemas.errors import Refusal

ROWS = [
    {"texts": ["a", "b", None, "c"], "talk": [{"from": "q", "value": "why"}, {"from": "gpt", "value": "so"}]},
    {"texts": [], "talk": [{"from": "q", "value": "what"}]},
    {"texts": None, "talk": None},
    {"texts": ["d"], "talk": [{"from": "gpt", "value": "e"}, {"from": "gpt", "value": "f"}]},
]


@pytest.fixture(params=["jsonl", "parquet", "folder", "parquet table", "webdataset", "datasets"])
def where(request: pytest.FixtureRequest, tmp_path: Path, makers: Any) -> dict[str, Any]:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "a.jsonl").write_text(lines)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet", row_group_size=3)
    makers.write_tar(tmp_path / "a.tar", {f"{n}.json": json.dumps(row).encode() for n, row in enumerate(ROWS)})
    places: dict[str, dict[str, Any]] = {
        "jsonl": {"kind": "jsonl", "path": f"{tmp_path}/a.jsonl"},
        "parquet": {"kind": "parquet", "path": f"{tmp_path}/a.parquet"},
        "folder": {"kind": "folder", "path": str(tmp_path), "table": "a.jsonl"},
        "parquet table": {"kind": "folder", "path": str(tmp_path), "table": "a.parquet"},
        "webdataset": {"kind": "webdataset", "path": f"{tmp_path}/a.tar"},
        "datasets": {"kind": "datasets", "path": "parquet", "data_files": f"{tmp_path}/a.parquet"},
    }
    return places[request.param]


def read(reader: Reader) -> tuple[dict[int, Any], dict[int, str]]:
    batches = [batch for unit in reader.units() if reader.digest(unit) for batch in reader.read(unit)]
    rows = [row for batch in batches for row in batch.table.to_pylist()]
    return {row["row"]: row["text"] for row in rows}, {d.row: d.reason for batch in batches for d in batch.drops}


def test_lists_are_read_by_every_reader(where: dict[str, Any], opened: Callable[..., Reader]) -> None:
    texts, drops = read(opened(**where, text="texts", text_from="each"))
    assert texts == {0: ["a", "b", "c"], 3: ["d"]}
    assert drops == {1: "text_missing", 2: "text_missing"}
    texts, drops = read(opened(**where, text="talk[from=gpt].value", text_from="join"))
    assert texts == {0: ["so"], 3: ["e", "f"]}
    assert drops == {1: "text_missing", 2: "text_missing"}
    texts, drops = read(opened(**where, text="talk[from=gpt].value"))
    assert texts == {0: "so", 3: "e"}
    texts, _ = read(opened(**where, text="texts;talk[].value", text_from="each"))
    assert texts == {0: ["a", "b", "c"], 1: ["what"], 3: ["d"]}


def test_lists_without_text_from_are_told(where: dict[str, Any], opened: Callable[..., Reader]) -> None:
    if where["kind"] in ("parquet", "datasets"):
        with pytest.raises(Refusal, match="Set `text_from` to `first`, `random`, `join` or `each`"):
            opened(**where, text="texts").units()
    elif where.get("table") != "a.parquet":
        _, drops = read(opened(**where, text="texts"))
        assert drops[0] == drops[3] == "text_not_string"


def source(how: str) -> Source:
    spec = {"name": "s", "kind": "parquet", "path": "a", "text": "t", "image": "i", "text_from": how}
    return TypeAdapter[Source](Source).validate_python(spec)


def batch(lists: list[list[str]]) -> RawBatch:
    rows = {"row": pa.array(range(len(lists))), "text": pa.array(lists, pa.list_(pa.string()))}
    return RawBatch(pa.table(rows | {"image": pa.array([b"i" * 10] * len(lists))}))


def test_each_text_is_a_sample_within_the_budget() -> None:
    lists = [["a", "b", "c"], ["d"], ["e", "f"]]
    found = list(samples([batch(lists)], source("each"), "base", 25))
    assert [len(part.table) for part in found] == [2, 2, 2]
    table = pa.concat_tables(part.table for part in found)
    assert table["text"].to_pylist() == ["a", "b", "c", "d", "e", "f"]
    assert table["row"].to_pylist() == [0, 0, 0, 1, 2, 2]
    ids = table["id"].to_pylist()
    assert len(set(ids)) == 6
    assert [ids[at] for at in (0, 3, 4)] == row_ids("base", np.arange(3)).to_pylist()


def test_a_drawn_text_follows_from_the_id_and_all_are_drawn() -> None:
    lists = [["a", "b", "c"]] * 300
    (whole,) = samples([batch(lists)], source("random"), "base", 1 << 20)
    halves = samples([batch(lists[:150])], source("random"), "base", 1 << 20)
    texts = whole.table["text"].to_pylist()
    assert next(halves).table["text"].to_pylist() == texts[:150]
    assert all(60 < texts.count(text) < 140 for text in "abc")
