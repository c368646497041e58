"""Whole files are documents: grouped into units of a partition, each with its own name and id."""

import gzip
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from triptych.pipelines.sources.base import RawBatch, Reader
from triptych.schemas.errors import Refusal


def contents(reader: Reader) -> tuple[dict[str, str], dict[str, str]]:
    """Text and reason of drop by label."""
    batches: list[RawBatch] = [batch for unit in reader.units() for batch in reader.read(unit)]
    rows = [row for batch in batches for row in batch.table.to_pylist()]
    assert all(row["row"] == 0 for row in rows)
    drops = [drop for batch in batches for drop in batch.drops]
    return {row["file"]: row["text"] for row in rows}, {drop.file: drop.reason for drop in drops}


def test_files_are_texts_or_have_a_reason(tmp_path: Path, opened: Callable[..., Reader]) -> None:
    (tmp_path / "sub").mkdir()
    data = {"a.txt": b"\xef\xbb\xbfone\r\ntwo", "sub/b.txt": b"", "c.txt": b"\xff", "d.txt": b"w" * 30}
    for name, content in data.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "e.txt.gz").write_bytes(gzip.compress(b"packed"))
    texts, drops = contents(opened(row_bytes=29, kind="files", path=f"{tmp_path}/**/*.txt*"))
    assert texts == {"a.txt": "one\r\ntwo", "sub/b.txt": "", "e.txt.gz": "packed"}
    assert drops == {"c.txt": "utf8_invalid", "d.txt": "row_too_large"}
    (tmp_path / "f.txt").write_bytes("drei".encode("utf-16"))
    assert contents(opened(kind="files", path=f"{tmp_path}/f.txt"))[0] == {"f.txt": "drei"}
    texts, drops = contents(opened(kind="files", path=f"{tmp_path}/c.txt", encoding="cp1252"))
    assert texts == {"c.txt": "ÿ"}
    _, drops = contents(opened(kind="files", path=f"{tmp_path}/c.txt", encoding="ascii"))
    assert drops == {"c.txt": "encoding_invalid"}


def test_many_small_files_are_few_units(tmp_path: Path, opened: Callable[..., Reader]) -> None:
    for n in range(200):
        (tmp_path / f"{n:03d}.txt").write_text(f"file {n:03d}")
    reader = opened(budget=800, kind="files", path=f"{tmp_path}/*.txt")
    units = reader.units()
    assert [len(unit.members) for unit in units] == [100, 100]
    assert reader.digest(units[0]) != reader.digest(units[1])
    texts, _ = contents(reader)
    assert texts == {f"{n:03d}.txt": f"file {n:03d}" for n in range(200)}
    (unit,) = opened(kind="files", path=f"{tmp_path}/*.txt").units()
    digest = reader.digest(unit)
    (tmp_path / "000.txt").write_text("changed")
    assert reader.digest(unit) != digest


def test_other_file_systems_and_columns(opened: Callable[..., Reader]) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/notes/a/1.md", b"one")
    fs.pipe_file("/notes/b/2.md", b"two")
    texts, _ = contents(opened(kind="files", path="memory://notes/*/*.md"))
    assert texts == {"a/1.md": "one", "b/2.md": "two"}
    with pytest.raises(Refusal, match="whole files, which have no columns"):
        opened(kind="files", path="memory://notes/*/*.md", keep=["url"]).units()
