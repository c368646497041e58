"""Rows of CSV files that pandas would merge, or whose values it would move, are refused by name."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.sources.huggingface_csv_rows import require_one_row_a_record
from triptych.schemas.errors import Refusal

from .conftest import Read


def config(path: Path, **more: Any) -> dict[str, Any]:
    return {"kind": "datasets", "path": "csv", "data_files": str(path), "modality": "text", "text": "text", **more}


@pytest.mark.parametrize("compressed", [False, True])
def test_a_quote_that_takes_rows_into_its_field_is_refused(
    tmp_path: Path, read: Callable[..., Read], compressed: bool
) -> None:
    table = b'text,n\nfirst,0\n"a,1\nb,2\n"c,3\nd,4\n'
    path = tmp_path / ("a.csv.gz" if compressed else "a.csv")
    path.write_bytes(gzip.compress(table) if compressed else table)
    with pytest.raises(Refusal, match=r"a\.csv.*, line 3: a quote opens a field") as refused:
        read(**config(path))
    assert "quoting" not in str(refused.value)  # which is no key of this kind


def test_a_first_row_with_more_fields_than_names_is_refused(tmp_path: Path, read: Callable[..., Read]) -> None:
    (tmp_path / "a.csv").write_text("text,n\none, two,1\nthree,2\n")
    with pytest.raises(Refusal, match=r"a\.csv, row 0: 3 fields under 2 columns"):
        read(**config(tmp_path / "a.csv"))


@pytest.mark.parametrize("end", [("", ""), ("", ","), (",", ","), (",", "")])
def test_delimiters_at_the_ends_of_lines_move_no_value(
    tmp_path: Path, read: Callable[..., Read], end: tuple[str, str]
) -> None:
    header, row = end
    (tmp_path / "a.csv").write_text(f"\ntext,n{header}\none,1{row}\ntwo,2{row}\n")
    assert [found["text"] for found in read(**config(tmp_path / "a.csv")).rows] == ["one", "two"]


@pytest.mark.parametrize(
    "table", ["", "text\n", 'text,n\n"two\nlines",1\n', 'text,n\n"a" b,1\nc,2\n', "text,n\na\nb,1\n"]
)
def test_what_pandas_reads_right_is_not_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "a.csv").write_text(table)
    require_one_row_a_record(str(tmp_path / "a.csv"))
