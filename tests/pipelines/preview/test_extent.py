"""The size of a source: what is counted, what is estimated, and what `limit` leaves of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from triptych.pipelines.preview.extent import HEAD_FILES, Extent, extent
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source


def size_of(**tree: Any) -> Extent:
    return extent(TypeAdapter(Source).validate_python({"name": "src", **tree}), Limits(), 64)


def lines(folder: Path, files: int, rows: int) -> dict[str, Any]:
    for part in range(files):
        text = "".join(json.dumps({"text": f"text {i}"}) + "\n" for i in range(rows))
        (folder / f"{part:03d}.jsonl").write_text(text)
    return {"kind": "jsonl", "path": f"{folder}/*.jsonl", "text": "text"}


def test_few_files_are_counted_and_many_are_sampled(tmp_path: Path) -> None:
    found = size_of(**lines(tmp_path, HEAD_FILES, 7))
    assert (found.files, found.rows, found.exact, found.ground) == (HEAD_FILES, 7 * HEAD_FILES, True, "counted")
    assert found.bytes == sum(file.stat().st_size for file in tmp_path.iterdir())
    found = size_of(**lines(tmp_path, 3 * HEAD_FILES, 7))
    assert found.rows == pytest.approx(7 * 3 * HEAD_FILES)
    assert not found.exact
    assert len(found.parts) == HEAD_FILES


def test_a_limit_is_exact_only_where_there_are_more_rows(tmp_path: Path) -> None:
    spec = lines(tmp_path, 2, 50)
    cut = size_of(**spec, limit=10)
    assert (cut.rows, cut.exact) == (10, True)
    whole = size_of(**spec, limit=1000)
    assert whole.rows == pytest.approx(100)
    assert not whole.exact  # by one file's head


def test_files_that_are_rows_are_listed(tmp_path: Path) -> None:
    for n in range(5):
        (tmp_path / f"{n}.png").write_bytes(b"")
        (tmp_path / f"{n}.txt").write_text("x")
    (tmp_path / "alone.png").write_bytes(b"")
    found = size_of(kind="folder", path=str(tmp_path), pair_by="name", modality="image-text", image="png", text="txt")
    assert (found.files, found.rows, found.exact) == (11, 6, True)
    assert found.bytes is None


def test_tables_of_a_glob_are_all_counted(tmp_path: Path) -> None:
    for n, rows in enumerate((3, 4)):
        (tmp_path / str(n)).mkdir()
        (tmp_path / f"{n}/metadata.csv").write_text("file,text\n" + "a.png,b\n" * rows)
    found = size_of(
        kind="folder", path=str(tmp_path), table="*/metadata.csv", modality="image-text", image="file", text="text"
    )
    assert (found.files, found.rows, found.ground) == (2, 7, "counted")
