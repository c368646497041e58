"""The index of ids: it names every shard that has a document, in runs, and is made once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from triptych.schemas.dataset import id_index, locate
from triptych.schemas.dataset.id_index import IdIndex, Words, word_of, words_of
from triptych.schemas.dataset.locate import segments_of_id, segments_where
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.segment_tables import SegmentTables


@pytest.fixture
def dataset(text_tree: Any, prepared: Any, tmp_path: Path) -> Dataset:
    prepared(text_tree(tmp_path / "out", row_length=128, pack={"shard_bytes": 4000}))
    return Dataset(str(tmp_path / "out"))


def test_words_are_the_first_halves_of_ids() -> None:
    ids = [bytes(range(start, start + 16)) for start in (9, 3, 9, 200)]
    column = pa.array(ids, pa.binary(16))
    assert words_of(column).tolist() == sorted({word_of(each) for each in ids})
    assert words_of(column[1:2]).tolist() == [word_of(ids[1])]
    assert words_of(column[:0]).tolist() == words_of(pa.array([], pa.binary(16))).tolist() == []


def test_a_document_is_found_in_every_run(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_index, "RUN", 50)
    draw = np.random.default_rng(0)
    words = {shard: np.unique(draw.integers(0, 200, 30).astype(np.uint64)) for shard in range(9)}
    assert IdIndex.of(dataset, str(tmp_path / "cache")) is None
    made = IdIndex.made(dataset, words.items(), str(tmp_path / "cache"))
    index = IdIndex.of(dataset, str(tmp_path / "cache"))
    assert made is not None
    assert index is not None
    (folder,) = (tmp_path / "cache").iterdir()
    assert len(list(folder.iterdir())) > 3
    for word in range(200):
        shards = [shard for shard, mine in words.items() if word in mine]
        assert index.shards(word.to_bytes(8, "little") + b"another8") == shards


def test_many_shards_are_searched_once_and_then_by_the_index(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_index, "CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(locate, "MANY", 2)
    monkeypatch.setattr(locate, "ENOUGH", 10**9)  # as if no shard followed the ids
    everything = list(segments_where(SegmentTables(dataset), source="docs"))
    expected = [one for one in everything if one.segment["id"] == everything[-1].segment["id"]]
    first = SegmentTables(dataset)
    assert segments_of_id(first, everything[-1].segment["id"]) == expected
    reads: list[int] = []
    again = SegmentTables(dataset)
    opened = again.of

    def counted(shard: int) -> Any:
        reads.append(shard)
        return opened(shard)

    monkeypatch.setattr(again, "of", counted)
    assert segments_of_id(again, everything[-1].segment["id"]) == expected
    places = len(dataset.manifest.shards.groups)  # one of each group is tried for the proof
    assert len(reads) <= places + len({one.shard for one in expected})
    assert len(dataset.manifest.shards) > len(reads)
    assert segments_of_id(again, b"no document has.") == []


def test_without_room_for_the_index_shards_are_searched(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(id_index, "CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(locate, "MANY", 2)
    monkeypatch.setattr(locate, "ENOUGH", 10**9)
    everything = list(segments_where(SegmentTables(dataset), source="docs"))
    document = everything[0].segment["id"]
    expected = [one for one in everything if one.segment["id"] == document]
    assert segments_of_id(SegmentTables(dataset), document) == expected


def test_a_damaged_index_is_made_anew(dataset: Dataset, tmp_path: Path) -> None:
    def words() -> Iterator[tuple[int, Words]]:
        yield 0, np.array([7], np.uint64)

    cache = str(tmp_path / "cache")
    IdIndex.made(dataset, words(), cache)
    (run,) = (tmp_path / "cache").glob("*/run-*.arrow")
    run.write_bytes(b"no Arrow file")
    assert IdIndex.of(dataset, cache) is None
    again = IdIndex.made(dataset, words(), cache)
    assert again is not None
    assert again.shards((7).to_bytes(8, "little")) == [0]
