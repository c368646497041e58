"""The table of a folder is read record by record; a bad one is dropped under its number, and the rest go on."""

import gzip
from pathlib import Path

import pytest

from triptych.pipelines.sources.base import Drop
from triptych.pipelines.sources.metadata_table import Record, records
from triptych.schemas.errors import Refusal


def read(path: Path, data: bytes, longest: int = 40) -> list[tuple[int, object]]:
    """Number of each record, with its values or its reason."""
    path.write_bytes(data)
    found = records(str(path), longest)
    return [(each.row, each.reason) if isinstance(each, Drop) else (each.number, each.values) for each in found]


def test_csv_with_quotes_blank_lines_and_bad_rows(tmp_path: Path) -> None:
    data = b'file,text\na.png,"one, ""two""\nthree"\n\nb.png\nc.png,caf\xe9\nd.png,' + b"x" * 50 + b"\ne.png,last"
    assert read(tmp_path / "metadata.csv", data) == [
        (0, {"file": "a.png", "text": 'one, "two"\nthree'}),
        (2, "csv_invalid"),
        (3, {"file": "c.png", "text": "caf\udce9"}),
        (4, "row_too_large"),
        (5, {"file": "e.png", "text": "last"}),
    ]


def test_a_tsv_is_divided_by_tabs_and_needs_a_header(tmp_path: Path) -> None:
    assert read(tmp_path / "metadata.tsv", b"file\ttext\na,b\tc\n") == [(0, {"file": "a,b", "text": "c"})]
    for data in (b"", b"\n"):
        with pytest.raises(Refusal, match=r"metadata.tsv: has no header line"):
            read(tmp_path / "metadata.tsv", data)


def test_jsonl_with_blank_lines_and_bad_rows(tmp_path: Path) -> None:
    data = b'{"a": 1}\n\n[1]\n{"a": \n{"a": "\xff"}\n{"a": "' + b"x" * 50 + b'"}\n{"a": 2}'
    assert read(tmp_path / "metadata.jsonl", data) == [
        (0, {"a": 1}),
        (2, "json_invalid"),
        (3, "json_invalid"),
        (4, "utf8_invalid"),
        (5, "row_too_large"),
        (6, {"a": 2}),
    ]


def test_a_truncated_table_is_read_up_to_the_damage(tmp_path: Path) -> None:
    lines = b"".join(b'{"a": %d}\n' % (i * i) for i in range(1000))
    path = tmp_path / "metadata.jsonl.gz"
    path.write_bytes(gzip.compress(lines, mtime=0)[:-500])
    *rows, last = records(str(path), 40)
    assert isinstance(last, Drop)
    assert (last.row, last.reason) == (-1, "file_truncated")
    assert 100 < len(rows) < 1000
    assert rows[:100] == [Record(i, {"a": i * i}) for i in range(100)]
