"""Descriptions of column chunks at which pyarrow would end the process, or that hold names that are not UTF-8."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.schemas.dataset.parquet_chunks import ColumnChunks

from .conftest import Read

# in the schema: type BYTE_ARRAY, repetition OPTIONAL or REQUIRED, a name of four bytes
OPTIONAL, REQUIRED = b"\x15\x0c\x25\x02\x18\x04text", b"\x15\x0c\x25\x00\x18\x04text"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    table = pa.table({"text": ["a", "b", "c"], "more": ["d", "e", "f"]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    return tmp_path / "a.parquet"


def replace(path: Path, before: bytes, after: bytes) -> None:
    data = path.read_bytes()
    assert before in data
    path.write_bytes(data.replace(before, after))


def config(path: Path, **more: str) -> dict[str, object]:
    return {"kind": "parquet", "path": str(path), "modality": "text", **({"text": "text"} | more)}


def test_statistics_that_contradict_the_schema_are_damage(written: Path, read: Callable[..., Read]) -> None:
    replace(written, OPTIONAL, REQUIRED)
    found = read(**config(written))
    assert (found.rows, found.reasons) == ([], {-1: "file_unreadable"})
    assert "histogram size mismatch" in found.drops[0].detail


def test_a_column_that_is_not_read_may_be_damaged(written: Path, read: Callable[..., Read]) -> None:
    replace(written, OPTIONAL, REQUIRED)
    assert read(**config(written, text="more")).column("text") == ["d", "e", "f"]


def test_a_name_that_is_not_utf8_is_damage(written: Path, read: Callable[..., Read]) -> None:
    replace(written, b"more", b"m\xffre")
    found = read(**config(written))
    assert (found.column("text"), found.reasons) in ((["a", "b", "c"], {}), ([], {-1: "file_unreadable"}))


def test_chunks_are_those_of_the_wanted_columns(written: Path) -> None:
    with pq.ParquetFile(written) as parquet:
        chunks = ColumnChunks(parquet, written.stat().st_size, frozenset({"more"}))
        assert chunks.paths == ["more"]
        assert [[chunk.path_in_schema for chunk in chunks.of(group)] for group in (0, 1)] == [["more"], ["more"]]
        assert sum(chunk.num_values for group in (0, 1) for chunk in chunks.of(group)) == 3
