"""Delimiter, quoting and header of text tables, and the records of JSON documents, by their first lines."""

import json
from pathlib import Path

import pytest

from triptych.pipelines.starting.table_head import delimiter_of, table_head, text_table

FILES = frozenset({"a.wav", "b.wav", "a", "b"})


@pytest.mark.parametrize(
    ("lines", "kind", "keys", "columns"),
    [
        (["file,text", "a.wav,one two", 'b.wav,"one, two"'], "csv", {}, ["file", "text"]),
        (["file\ttext", 'a.wav\t"one', "b.wav\ttwo"], "tsv", {}, ["file", "text"]),
        (["file;text", "a.wav;one", "b.wav;two"], "csv", {"delimiter": ";"}, ["file", "text"]),
        (["file|text", "a|one"], "csv", {"delimiter": "|", "quoting": "none"}, ["file", "text"]),
        (["file\ttext", "a.wav\tone"], "txt", {"delimiter": "\t", "quoting": "none"}, ["file", "text"]),
        (
            ["a|the first one|the first 1", "b|the next one|the next 1"],
            "csv",
            {"delimiter": "|", "quoting": "none", "columns": ["file", "text_1", "text_2"]},
            ["file", "text_1", "text_2"],
        ),
        (
            ["a THE FIRST", "b THE NEXT"],
            "txt",
            {"delimiter": "first_space", "columns": ["file", "text"]},
            ["file", "text"],
        ),
    ],
)
def test_the_format_of_a_table_of_text(lines: list[str], kind: str, keys: object, columns: list[str]) -> None:
    head = text_table(lines, kind, FILES)
    assert head is not None
    assert (dict(head.keys), list(head.columns)) == (keys, columns)


def test_what_is_no_table() -> None:
    assert text_table(["some words of a book,", "which goes on here, and there,", "and ends"], "txt", FILES) is None
    assert delimiter_of(["one", "two"], "csv") is None


def test_json_lines_lists_and_objects(tmp_path: Path) -> None:
    rows = [{"file": "a.wav", "text": "one"}, {"file": "b.wav", "text": "two"}]
    cases = {
        "lines": ("\n".join(map(json.dumps, rows)), {}),
        "list": (json.dumps(rows, indent=1), {}),
        "object": (json.dumps({"info": {"a": 1}, "empty": [], "rows": rows}), {"records": "rows"}),
    }
    for name, (text, keys) in cases.items():
        (tmp_path / f"{name}.json").write_text(text)
        head = table_head(str(tmp_path / f"{name}.json"), FILES)
        assert head is not None
        assert (dict(head.keys), list(head.columns)) == (keys, ["file", "text"])
    (tmp_path / "settings.json").write_text('{"a": 1, "b": {"c": [1, 2]}}')
    head = table_head(str(tmp_path / "settings.json"), FILES)
    assert head is None or head.format == "lines"
    (tmp_path / "broken.json").write_text("[{")
    assert table_head(str(tmp_path / "broken.json"), FILES) is None
