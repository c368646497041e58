"""CSV and TSV files that hold texts are sources, unless they lie beside images or clips."""

from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.starting.guess import guess
from triptych.pipelines.starting.listing import list_files

ROWS = "".join(f"{n};a text of several words with number {n}\n" for n in range(5))


def sources(path: Path) -> list[dict[str, Any]]:
    listing, about = list_files(str(path))
    return [one.keys for one in guess(listing, about).sources]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_table_of_texts_is_a_source_with_the_keys_that_it_needs(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a[1].csv").write_bytes(f"id;body\n{ROWS}".encode(encoding))
    expected = {"kind": "folder", "path": str(tmp_path), "table": "a[[]1].csv", "delimiter": ";", "text": "body"}
    assert sources(tmp_path) == [expected]


def test_tables_with_the_same_columns_are_one_source_and_other_splits_are_left_out(tmp_path: Path) -> None:
    for name in ("x/train.tsv", "y/train.tsv", "y/test.tsv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("id\tbody\n" + ROWS.replace(";", "\t"))
    assert sources(tmp_path) == [
        {"kind": "folder", "path": str(tmp_path), "table": "**/train*.tsv", "text": "body"},
    ]


def test_the_first_row_of_a_table_without_a_header_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS)
    (keys,) = sources(tmp_path)
    assert (keys["columns"], keys["text"]) == (["other", "text"], "text")


def test_tables_of_numbers_and_tables_beside_media_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,m\n1,2\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/texts.csv").write_text(f"id;body\n{ROWS}")
    (tmp_path / "b/1.jpg").write_bytes(b"x")
    assert sources(tmp_path) == []
