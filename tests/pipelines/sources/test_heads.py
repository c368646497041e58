"""Columns to keep are looked for in the first rows of the first files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.sources.base import Unit
from triptych.pipelines.sources.heads import FILES, json_heads, require_in_heads
from triptych.schemas.config.sources import JsonlSource
from triptych.schemas.errors import Refusal

SOURCE = JsonlSource(name="src", kind="jsonl", path="x", text="text", keep=("url", "score"))


def test_columns_may_be_in_different_files_and_no_more_are_read_than_needed() -> None:
    def heads() -> Iterator[list[dict[str, Any]]]:
        yield [{"text": "a"}, {"url": 1}]
        yield [{"score": 2}]
        raise AssertionError("read on")

    require_in_heads(SOURCE, heads())


def test_a_column_that_is_nowhere_is_refused_unless_no_row_was_seen() -> None:
    with pytest.raises(Refusal, match=r"no such column. Use one of: text, url\."):
        require_in_heads(SOURCE, [[{"text": "a"}], [{"url": "b"}]])
    require_in_heads(SOURCE, [[], [{}]])


def test_lines_that_cannot_be_parsed_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 1}\n{broken\n[1]\n\xff\n' + b"[" * 100_000 + b'\n{"b": 2}')
    (tmp_path / "b.jsonl.gz").write_bytes(b"\x1f\x8b\x08 cut off")
    units = [Unit(str(tmp_path / name), name) for name in ("a.jsonl", "b.jsonl.gz")]
    assert list(json_heads(units)) == [[{"a": 1}, {"b": 2}], []]
    assert len(list(json_heads(units * FILES))) == FILES
