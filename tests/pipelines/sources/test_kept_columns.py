"""Columns to keep and to filter come out of every reader alike, and one that is missing is refused before work."""

import csv
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source
from triptych.schemas.errors import Refusal

KEEP = ["url", "score", "ok"]
ROWS: list[dict[str, Any]] = [
    {"text": "a", "url": 'http://x/é?q="1\\2"', "score": 0.25, "ok": True},
    {"text": "b", "url": None, "score": 1.0, "ok": False},
    {"text": "c", "url": "\n", "score": 1e-7, "ok": None},
]
WANTED = {
    "url": [json.dumps(row["url"], ensure_ascii=False) if row["url"] else None for row in ROWS],
    "score": ["0.25", "1", "1e-7"],
    "ok": ["true", "false", None],
}


def columns(names: list[str] = KEEP, **source: Any) -> dict[str, list[str | None]]:
    given = TypeAdapter(Source).validate_python({"name": "s", "text": "text", "keep": names, **source})
    reader = open_source(given, Limits(), 1 << 20)
    batches = [batch for unit in reader.units() for batch in reader.read(unit)]
    assert not [drop for batch in batches for drop in batch.drops]
    table = pa.concat_tables(batch.table for batch in batches)
    return {name: table[f"column.{name}"].to_pylist() for name in names}


def lines(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    (path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"kind": "jsonl", "path": str(path / "a.jsonl")}


def bad_line(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A blank line is not for Arrow's parser."""
    source = lines(path, rows)
    Path(source["path"]).write_text(Path(source["path"]).read_text() + "\n")
    return source


def parquet(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    pq.write_table(pa.Table.from_pylist(rows), path / "a.parquet")
    return {"kind": "parquet", "path": str(path / "a.parquet")}


def datasets(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    source = parquet(path, rows)
    return {"kind": "datasets", "path": "parquet", "data_files": source["path"]}


def folder(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    (path / "a.png").write_bytes(b"picture")
    (path / "metadata.jsonl").write_text("".join(json.dumps(row | {"file": "a.png"}) + "\n" for row in rows))
    return {"kind": "folder", "path": str(path), "image": "file"}


def tar(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    with tarfile.open(path / "a.tar", "w") as out:
        for number, row in enumerate(rows):
            for ending, data in {"txt": b"a text", "json": json.dumps(row).encode()}.items():
                member = tarfile.TarInfo(f"{number}.{ending}")
                member.size = len(data)
                out.addfile(member, io.BytesIO(data))
    return {"kind": "webdataset", "path": str(path / "a.tar"), "text": "txt"}


MAKERS = [lines, bad_line, parquet, datasets, folder, tar]


@pytest.mark.parametrize("make", MAKERS)
def test_every_reader_reads_the_same_values(make: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    assert columns(**make(tmp_path, ROWS)) == WANTED


@pytest.mark.parametrize("make", MAKERS)
def test_a_missing_column_is_refused_before_work(make: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"`sources.s.keep` names 'uri'.*url"):
        columns(["url", "uri"], **make(tmp_path, ROWS))


def test_values_of_a_csv_are_texts(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    with open(tmp_path / "metadata.csv", "w", newline="") as out:
        csv.writer(out).writerows([["file", "text", "score"], ["a.png", "a", "0.5"], ["a.png", "b", ""]])
    got = columns(["score"], kind="folder", path=str(tmp_path), image="file")
    assert got == {"score": ['"0.5"', '""']}


def test_json_lines_of_any_types_are_the_same_on_either_way(tmp_path: Path) -> None:
    values = [None, 1, 2.0, 123456789012345, 2**60, -0.0, "x", [1, {"a": None}], {"b": "é"}, True, 1e300]
    rows = [{"text": "t", "url": value} for value in values]
    whole = columns(["url"], **lines(tmp_path, rows))["url"]
    assert whole == [
        *(None, "1", "2", "123456789012345", "1152921504606846976", "0", '"x"'),
        *('[1, {"a": null}]', '{"b": "é"}', "true", "1e+300"),
    ]
    for row, wanted in zip(rows, whole, strict=True):  # each alone in its file, for Arrow's parser
        assert columns(["url"], **lines(tmp_path, [row])) == {"url": [wanted]}
    floats = [{"text": "t", "url": value} for value in (0.5, 1, 123456789012345, 2**60, 1e15)]
    assert columns(["url"], **lines(tmp_path, floats)) == columns(["url"], **bad_line(tmp_path, floats))


def test_columns_of_bytes_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "raw": [b"a"]}), tmp_path / "a.parquet")
    with pytest.raises(Refusal, match="holds binary, but must hold values that can be written as JSON"):
        columns(["raw"], kind="parquet", path=str(tmp_path / "a.parquet"))


def test_a_line_without_the_key_has_none(tmp_path: Path) -> None:
    rows = [{"text": "a"}, {"text": "b", "url": "u"}]
    assert columns(["url"], **lines(tmp_path, rows)) == {"url": [None, '"u"']}
