"""Documents are found by their ids, whether the shards of the dataset follow ids or not."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.dataset import locate
from triptych.schemas.dataset.locate import segments_of_id, segments_where
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.segment_tables import SegmentTables
from triptych.schemas.errors import Refusal


def tables_of(path: Path) -> SegmentTables:
    return SegmentTables(Dataset(str(path)))


@pytest.mark.parametrize("shard_bytes", [4000, 60_000, 10**9])
def test_every_document_is_found_by_its_id(
    text_tree: Any, prepared: Any, tmp_path: Path, shard_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(text_tree(tmp_path / "out", row_length=128, pack={"shard_bytes": shard_bytes}))
    tables = tables_of(tmp_path / "out")
    everything = list(segments_where(tables, source="docs"))
    pieces = Counter(one.segment["id"] for one in everything)
    for document, count in pieces.items():
        found = segments_of_id(tables, document)
        assert len(found) == count
        assert [one.segment["offset"] for one in found] == sorted(one.segment["offset"] for one in found)
        for one in found:
            row = tables.dataset.row(tables.dataset.first_row(one.shard) + one.row)
            assert row.segments[one.number - 1] == one.segment
    assert segments_of_id(tables, b"no document has.") == []
    monkeypatch.setattr(locate, "ENOUGH", 1)  # with shards of few documents, no proof
    opened = tables_of(tmp_path / "out")
    shards = len(opened.dataset.manifest.shards)
    if shard_bytes == 60_000 and shards > 1:
        segments_of_id(opened, everything[0].segment["id"])
        assert opened.of.cache_info().currsize == 1  # one shard is enough


def test_columns_are_compared_whole_and_missing_ones_match_nothing(made: Path) -> None:
    tables = tables_of(made)
    (first, *_) = segments_where(tables, source="stamps")
    same = list(segments_where(tables, source="stamps", file=first.segment["file"], row=first.segment["row"]))
    assert [one.segment["id"] for one in same] == [first.segment["id"]]
    assert next(segments_where(tables, content=first.segment["content"])) == first
    assert list(segments_where(tables, source="stamp")) == []
    assert list(segments_where(tables, nothing="x")) == []


def test_a_truncated_shard_is_refused(text_tree: Any, prepared: Any, tmp_path: Path) -> None:
    prepared(text_tree(tmp_path / "out"))
    tables = tables_of(tmp_path / "out")
    path = tmp_path / "out" / tables.dataset.manifest.shards[0].file
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Refusal, match="cannot be read"):
        tables.of(0)
