"""Columns of an open shard are the segment tables of its rows, and a plan's shards are numbered stream after stream."""

from pathlib import Path
from typing import Any

import numpy as np

from triptych.schemas.dataset.stored_shard import StoredShard
from triptych.train.data.shard_cache import ShardCache
from triptych.train.data.shards import COLUMNS, Shards, open_shard


def first_shard(dataset: Path, workshop: Any, kind: str) -> StoredShard:
    plan = workshop.plan({"path": str(dataset), "weight": 1.0, "modality": kind})
    return ShardCache(Path("unused"), 0).shard(plan.datasets[0], plan.streams[0].shards[0])


def test_columns_are_the_segment_tables_row_after_row(dataset: Path, workshop: Any) -> None:
    for kind in ("text", "image-text", "audio-text"):
        shard = first_shard(dataset, workshop, kind)
        sources = ("docs", "prompts", "stamps", "wiki")
        opened = open_shard(shard, sources)
        assert opened.offsets[-1] == len(opened.document) == len(opened.columns["source"])
        for number in range(shard.rows):
            row = shard.row(number)
            mine = slice(*opened.offsets[number : number + 2].tolist())
            assert np.array_equal(opened.tokens[number], row.tokens)
            assert np.array_equal(opened.segment[number], row.segment)
            assert np.array_equal(opened.modality[number], row.modality)
            for name in COLUMNS:
                assert opened.columns[name][mine].tolist() == [segment[name] for segment in row.segments], name
            assert [sources[index] for index in opened.columns["source"][mine].tolist()] == [
                segment["source"] for segment in row.segments
            ]
            assert opened.document[mine].tobytes() == b"".join(segment["id"] for segment in row.segments)


def test_a_source_that_is_not_listed_has_no_number(dataset: Path, workshop: Any) -> None:
    shard = first_shard(dataset, workshop, "text")
    names = [segment["source"] for number in range(shard.rows) for segment in shard.row(number).segments]
    assert set(names) == {"docs", "wiki"}
    found = open_shard(shard, ("other", "wiki")).columns["source"].tolist()
    assert found == [1 if name == "wiki" else -1 for name in names]


def test_shards_are_numbered_stream_after_stream_and_opened_once(dataset: Path, workshop: Any) -> None:
    entries = [{"path": str(dataset), "weight": 1.0, "modality": kind} for kind in ("image-text", "text")]
    plan = workshop.plan(*entries)
    shards: Shards = workshop.shards(plan)
    assert [shards.entry(number)[1].group for number in range(len(shards))] == ["image-text"] * 3 + ["text"] * 3
    for number in range(len(shards)):
        entry = shards.entry(number)[1]
        opened = shards.open(number)
        assert len(opened.tokens) == entry.rows
        assert shards.open(number) is opened
