"""Rows at the start of a stream, and the bytes of the file that hold them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.preview.stream_head import HEAD, ITEMS, SAMPLES, item_head, line_head, table_rows, tar_head
from triptych.schemas.config.sources import FolderSource


def test_blank_lines_are_no_rows_and_the_last_needs_no_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\n\n  \ntwo\nthree")
    found = line_head(str(path))
    assert (found.rows, found.whole, found.rows_of(1 << 30)) == (3, True, 3)


def test_a_large_file_is_estimated_by_its_compressed_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    rows = 4 * HEAD // 32
    path.write_bytes(gzip.compress(b"".join(b"%031d\n" % (n * 7919**5 % 10**30) for n in range(rows))))
    found = line_head(str(path))
    assert not found.whole
    assert found.rows < rows
    assert found.rows_of(path.stat().st_size) == pytest.approx(rows, rel=0.2)
    path.write_bytes(path.read_bytes()[:5000])  # cut off: what is left is all
    assert line_head(str(path)).whole


def test_samples_of_a_tar(tmp_path: Path, makers: Any) -> None:
    path = tmp_path / "a.tar"
    members = {f"{n % 2}/{n:04d}.{end}": bytes(600) for n in range(3 * SAMPLES) for end in ("jpg", "seg.png", "txt")}
    makers.write_tar(path, dict(list(members.items())[:30]))
    assert (tar_head(str(path)).rows, tar_head(str(path)).whole) == (10, True)
    makers.write_tar(path, members)
    found = tar_head(str(path))
    assert (found.rows, found.whole) == (SAMPLES, False)
    assert found.rows_of(path.stat().st_size) == pytest.approx(3 * SAMPLES, rel=0.1)


def test_records_of_a_document(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"info": [1], "data": [{"text": "x"}] * 5}))
    assert (item_head(str(path), "data").rows, item_head(str(path), "data").whole) == (5, True)
    path.write_text(json.dumps([{"text": "x"}] * (ITEMS + 1)))
    assert (item_head(str(path), None).rows, item_head(str(path), None).whole) == (ITEMS, False)


def test_a_header_is_no_record(tmp_path: Path) -> None:
    def rows(name: str, **keys: Any) -> tuple[float, bool]:
        path = tmp_path / name
        source = FolderSource(name="s", kind="folder", path=str(tmp_path), image="file", text="text", **keys)
        return table_rows(source, str(path), path.stat().st_size)

    (tmp_path / "a.csv").write_text("file,text\na.png,b\n")
    assert rows("a.csv") == (1, True)
    assert rows("a.csv", columns=("file", "text")) == (2, True)
    pq.write_table(pa.table({"file": ["a"] * 9, "text": ["b"] * 9}), tmp_path / "a.parquet")
    assert rows("a.parquet") == (9, True)
