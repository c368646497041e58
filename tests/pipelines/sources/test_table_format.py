"""The format of a folder's table: first bytes before names, and no key without an effect."""

from typing import Any

import pytest

from triptych.pipelines.sources.delimited_table import Dialect
from triptych.pipelines.sources.table_format import TableFormat, table_format
from triptych.schemas.config.sources import FolderSource
from triptych.schemas.errors import Refusal


def source(**keys: Any) -> FolderSource:
    base = {"name": "s", "kind": "folder", "path": "d", "modality": "image-text", "image": "file", "text": "text"}
    return FolderSource.model_validate(base | keys)


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.csv", b"file,text\n", TableFormat("text", Dialect(",", quoted=True))),
        ("a.TSV", b"file\ttext\n", TableFormat("text", Dialect("\t", quoted=False))),
        ("a.tsv.gz", b"file\ttext\n", TableFormat("text", Dialect("\t", quoted=False))),
        ("a.txt", b"file,text\n", TableFormat("text", Dialect(",", quoted=True))),
        ("a.ndjson", b'{"file": 1}\n', TableFormat("jsonl")),
        ("a.json", b'{"file": 1}\n{"file": 2}\n', TableFormat("jsonl")),
        ("a.json", b'\xef\xbb\xbf{"file": 1}\n', TableFormat("jsonl")),
        ("a.json", b'{"file": "longer than the head', TableFormat("jsonl")),
        ("a.json", b'[{"file": 1}]\n', TableFormat("json")),
        ("a.json", b'{\n "images": [\n', TableFormat("json")),
        ("a.csv", b"PAR1....", TableFormat("parquet")),
        ("a.parquet", b"", TableFormat("parquet")),
    ],
)
def test_formats(name: str, head: bytes, expected: TableFormat) -> None:
    assert table_format(source(), f"d/{name}", head) == expected


def test_keys_say_how_a_text_table_is_divided() -> None:
    found = table_format(source(delimiter="|", quoting="none"), "a.csv", b"a|b\n")
    assert found.dialect == Dialect("|", quoted=False, given=True)
    assert table_format(source(quoting="csv"), "a.tsv", b"").dialect == Dialect("\t", quoted=True, given=True)
    spaces = table_format(source(delimiter="first_space", columns=["file", "text"]), "a.txt", b"")
    assert spaces.dialect == Dialect("first_space", quoted=False)


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_a_key_of_text_tables_is_refused_for_other_tables(name: str) -> None:
    with pytest.raises(Refusal, match=r"`sources\.s\.delimiter` is for tables of text"):
        table_format(source(delimiter="|"), name, b"")


def test_records_are_of_one_json_object() -> None:
    with_records = source(records="images", table="a.json")
    assert table_format(with_records, "a.json", b'{"images": []}\n').kind == "json"
    with pytest.raises(Refusal, match=r"`sources\.s\.records`"):
        table_format(with_records, "a.csv", b"")


def test_what_is_no_table_is_refused_by_its_name() -> None:
    with pytest.raises(Refusal, match=r"`sources\.s\.table`: a\.csv is "):
        table_format(source(), "d/a.csv", b"PK\x03\x04" + bytes(100))
