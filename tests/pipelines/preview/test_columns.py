"""Columns that `--check` names, by the first rows of a file of each kind."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from triptych.pipelines.preview.columns import columns_of
from triptych.schemas.config.sources import Source


def columns(path: Path, kind: str, **keys: Any) -> list[str]:
    tree = {"name": "src", "kind": kind, "path": str(path), "text": "text", **keys}
    return columns_of(TypeAdapter(Source).validate_python(tree), str(path))


def test_keys_of_all_first_lines_but_bad_ones(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"b": 1}\n{broken\n[1]\n{"a": 2, "b": 3}\n')
    assert columns(tmp_path / "a.jsonl", "jsonl") == ["b", "a"]


def test_columns_of_parquet_and_of_a_damaged_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "url": ["b"]}), tmp_path / "a.parquet")
    assert columns(tmp_path / "a.parquet", "parquet") == ["text", "url"]
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    assert columns(tmp_path / "b.parquet", "parquet") == []


def test_extensions_and_json_keys_of_a_tar_that_is_cut_off(tmp_path: Path, makers: Any) -> None:
    document = json.dumps({"caption": "a", "url": "b"}).encode()
    makers.write_tar(tmp_path / "a.tar", {"0.JPG": b"x", "0.json": document, "1.txt": b"y" * 2000})
    keys = {"modality": "image-text", "image": "jpg", "text": "caption"}
    wanted = ["jpg", "json", "txt", "json.caption", "json.url"]
    assert columns(tmp_path / "a.tar", "webdataset", **keys) == wanted
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:2200])
    assert columns(tmp_path / "a.tar", "webdataset", **keys) == [name for name in wanted if name != "txt"]


def test_extensions_of_pairs_with_the_most_frequent_first(tmp_path: Path) -> None:
    for name in ("0.png", "1.PNG", "0.txt", "README"):
        (tmp_path / name).write_bytes(b"")
    keys = {"pair_by": "name", "modality": "image-text", "image": "png", "text": "txt"}
    assert columns(tmp_path, "folder", **keys) == ["png", "txt"]


def test_columns_of_a_table_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("a.wav|one\n")
    source = TypeAdapter(Source).validate_python(
        {"name": "src", "kind": "folder", "path": str(tmp_path), "modality": "audio-text", "audio": "file"}
        | {"text": "words", "delimiter": "|", "columns": ["file", "words"]}
    )
    assert columns_of(source, str(tmp_path / "metadata.csv")) == ["file", "words"]
