"""Search: every segment that fits is counted, the first hits come early, the estimate is honest."""

from pathlib import Path

import numpy as np
import pytest

from triptych.pipelines.inspection.browse import find as module
from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.pipelines.inspection.browse.find import Hit, Query, SearchReport, find
from triptych.pipelines.inspection.browse.find_id import find_id
from triptych.pipelines.inspection.browse.segment_media import SegmentMedia


def searched(media: SegmentMedia, query: Query, seed: int = 0) -> tuple[list[Hit], SearchReport]:
    found = list(find(media, query, seed, shown=10_000))
    last = found[-1]
    assert isinstance(last, SearchReport)
    return [each for each in found if isinstance(each, Hit)], last


def everything(media: SegmentMedia) -> list[tuple[int, int, dict[str, object], str]]:
    dataset = media.dataset
    return [
        (row, number, segment, media.text(row, number))
        for row in range(dataset.rows)
        for number, segment in enumerate(dataset.row(row).segments, start=1)
    ]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 3)


def test_words_are_found_in_decoded_texts(media: SegmentMedia) -> None:
    hits, report = searched(media, Query(text="REN"))
    wanted = {(row, number) for row, number, _, text in everything(media) if "ren" in text.casefold()}
    assert {(hit.row, hit.number) for hit in hits} == wanted != set()
    assert report.found == len(wanted)
    assert report.done
    assert report.error == 0
    assert report.rows == report.of == media.dataset.rows
    assert all(hit.match.casefold() == "ren" for hit in hits)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        (Query(source="stamps"), lambda segment: segment["source"] == "stamps"),
        (Query(kind="audio-text"), lambda segment: segment["kind"] == 2),
        (Query(license=""), lambda segment: segment["license"] is None),
        (Query(license="MIT"), lambda segment: segment["license"] == "MIT"),
        (Query(least=40, most=60), lambda segment: 40 <= segment["length"] <= 60),
        (Query(column="url", value="x"), lambda segment: False),
    ],
)
def test_columns_are_conditions(media: SegmentMedia, query: Query, fits: object) -> None:
    hits, _ = searched(media, query)
    assert callable(fits)
    wanted = {(row, number) for row, number, segment, _ in everything(media) if fits(segment)}
    assert {(hit.row, hit.number) for hit in hits} == wanted


def test_an_id_finds_all_segments_of_a_document(media: SegmentMedia) -> None:
    places: dict[bytes, list[tuple[int, int, int]]] = {}
    for row, number, segment, _ in everything(media):
        document, offset = segment["id"], segment["offset"]
        assert isinstance(document, bytes)
        assert isinstance(offset, int)
        places.setdefault(document, []).append((offset, row, number))
    assert max(map(len, places.values())) > 1
    for document, wanted in places.items():
        assert find_id(media.dataset, document) == [(row, number) for _, row, number in sorted(wanted)]
    assert find_id(media.dataset, bytes(16)) == []


def test_an_id_is_looked_for_in_one_shard_of_a_group(texts: Path, tmp_path: Path) -> None:
    dataset = BrowsedDataset(str(texts), str(tmp_path / "cache"))
    assert len(dataset.shards) > 2
    last = dataset.row(dataset.rows - 1).segments[-1]
    assert find_id(dataset, last["id"])[-1] == (dataset.rows - 1, len(dataset.row(dataset.rows - 1).segments))
    assert len(dataset._shards) == 1


def test_estimates_agree_with_the_count_within_their_error() -> None:
    draw = np.random.default_rng(0)
    hits = draw.poisson(2.0, 400)
    rows, off = [256] * 400, []
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(400)[:40]
        report = module._report([int(hits[i]) for i in order], [256] * 40, sum(rows), 400)
        off.append((report.estimate - hits.sum()) / report.error)
    assert abs(np.mean(off)) < 0.3
    assert 0.8 < np.std(off) < 1.25
