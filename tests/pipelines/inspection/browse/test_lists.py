"""Dropped rows, clusters, kept columns, comparisons and preparations, on a corpus with something of each."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.pipelines.inspection.browse.cluster_page import cluster_media, clusters_page
from triptych.pipelines.inspection.browse.compare import (
    config_difference,
    document_difference,
    length_tests,
    mix_divergence,
)
from triptych.pipelines.inspection.browse.dropped_page import Dropped, dropped_page
from triptych.pipelines.inspection.browse.kept_columns import kept_columns
from triptych.pipelines.inspection.browse.preparation import preparation
from triptych.pipelines.inspection.raw_rows import RawRows
from triptych.schemas.storage.store import Store


@pytest.fixture
def variety(made_variety: Callable[..., Path], tmp_path: Path) -> BrowsedDataset:
    return BrowsedDataset(str(made_variety()), str(tmp_path / "cache"))


@pytest.fixture
def made_variety(tree: Any, prepared: Any, makers: Any, tmp_path: Path) -> Callable[..., Path]:
    """Makes a dataset with duplicates, short texts and kept columns."""

    def make(name: str = "a", texts: int = 30) -> Path:
        import json

        corpus = tmp_path / "corpus"
        lines = [{"text": makers.words(i, 30), "topic": ["x", "<b>y</b>"][i % 2], "url": f"u{i}"} for i in range(texts)]
        lines += [lines[0] | {"url": "again"}, {"text": "short", "topic": None, "url": "s"}]
        corpus.mkdir(exist_ok=True)
        (corpus / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "{broken\n")
        members = {f"{i}.{ext}": data for i in range(3) for ext, data in (("png", makers.picture(5)), ("txt", b"one"))}
        makers.write_tar(corpus / "pictures.tar", members)
        sources = [
            {"name": "docs", "kind": "jsonl", "path": f"{corpus}/{name}.jsonl", "modality": "text", "text": "text"}
            | {"keep": ["topic", "url"]},
            {"name": "pictures", "kind": "webdataset", "path": f"{corpus}/pictures.tar", "modality": "image-text"}
            | {"image": "png", "text": "txt"},
        ]
        changes: dict[str, Any] = {"filters": [{"name": "text_length", "min_chars": 20, "sources": ["docs"]}]}
        changes |= {"dedup": {"text": {"exact": True}, "image": {"exact": True}}, "sources": sources}
        base = tree(tmp_path / name, name=name, **changes)
        prepared(base | {"tokenizers": {key: base["tokenizers"][key] for key in ("text", "image")}})
        return tmp_path / name

    return make


def test_dropped_rows_come_in_pages_with_their_raw_rows(variety: BrowsedDataset) -> None:
    raw = RawRows(variety)
    every = dropped_page(variety, raw, Dropped(), 0, 100)
    assert every.listed == len(every.lines) == 5
    pages = [dropped_page(variety, raw, Dropped(), start, 2).lines for start in (0, 2, 4)]
    assert [line for page in pages for line in page] == list(every.lines)
    (short,) = dropped_page(variety, raw, Dropped("text_length", "docs"), 0, 10).lines
    assert "short" in short["raw"]["line"]
    assert short["kept"] == {"topic": None, "url": "s"}
    assert dropped_page(variety, raw, Dropped("text_length", "pictures"), 0, 10).listed == 0
    assert dropped_page(variety, raw, Dropped(file="nowhere"), 0, 10).listed == 0
    assert dropped_page(variety, raw, Dropped(file=short["file"]), 0, 10).listed == 3


def test_duplicates_are_dropped_beside_their_cluster_and_their_pictures_are_kept(variety: BrowsedDataset) -> None:
    raw = RawRows(variety, 1000)
    lines = dropped_page(variety, raw, Dropped("exact_duplicate", "pictures"), 0, 10).lines
    assert len(lines) == 2
    clusters = {cluster.number: cluster for cluster in clusters_page(variety, 1, 10)}
    for line in lines:
        members = clusters[line["cluster"]].rows
        assert (line["file"], line["row"]) in {(row["file"], row["row"]) for row in members}
        assert raw.media((line["source"], line["file"], line["row"]))["image"].startswith(b"\x89PNG")
    assert RawRows(variety).media((lines[0]["source"], lines[0]["file"], lines[0]["row"])) == {}
    assert raw.media(("pictures", "nowhere.tar", 0)) == {}


def test_clusters_have_the_kept_row_first_and_their_media(variety: BrowsedDataset) -> None:
    first, second = clusters_page(variety, 1, 10)
    assert {first.kind, second.kind} == {"text", "image-text"}
    pictures = first if first.kind == "image-text" else second
    assert [row["reason"] for row in pictures.rows] == [None, "exact_duplicate", "exact_duplicate"]
    media = cluster_media(variety, pictures)
    assert set(media) == {row["id"] for row in pictures.rows}
    assert all(data.startswith(b"\x89PNG") for data in media.values())
    assert clusters_page(variety, 3, 10) == []


def test_kept_columns_are_counted(variety: BrowsedDataset) -> None:
    topic, url = kept_columns(variety)
    assert dict(topic.values) == {"x": 15, "<b>y</b>": 15}
    assert (url.documents, len(url.values), url.others) == (30, 3, 27)


def test_equal_datasets_have_no_difference(variety: BrowsedDataset) -> None:
    found = document_difference(variety, variety)
    assert found is not None
    assert (found.same, found.removed, found.added) == (31, 0, 0)
    assert mix_divergence(variety.manifest, variety.manifest) == 0
    assert all(test.statistic == 0 for test in length_tests(variety.manifest, variety.manifest))
    assert config_difference(variety.manifest.config, variety.manifest.config) == []


def test_documents_that_were_added_are_found(made_variety: Any, variety: BrowsedDataset, tmp_path: Path) -> None:
    other = BrowsedDataset(str(made_variety("b", 35)), str(tmp_path / "cache"))
    found = document_difference(variety, other)
    assert found is not None
    assert (found.same, found.removed, found.added) == (31, 0, 5)
    assert len(found.added_examples) == 5
    contents = [
        [dataset.row(row).segments[number - 1]["content"] for row, number in places]
        for dataset, places in zip((variety, other), zip(*found.same_examples, strict=True), strict=True)
    ]
    assert contents[0] == contents[1]
    assert len(set(contents[0])) == len(found.same_examples) == 8
    assert document_difference(variety, other, 0) == found
    assert document_difference(variety, other, 1) != found
    assert 0 < mix_divergence(variety.manifest, other.manifest) < 1
    assert ("+", "name: b") in config_difference(variety.manifest.config, other.manifest.config)


def test_a_preparation_is_followed_by_its_files(made_variety: Any) -> None:
    made = made_variety()
    (made / "manifest.json").unlink()
    now = datetime.now(UTC)
    found = preparation(Store(str(made)), now)
    steps = {step.name: step for step in found.steps}
    assert {"read", "text", "pack"} <= steps.keys()
    assert steps["text"].parts == steps["text"].recent > 0
    later = preparation(Store(str(made)), now + timedelta(hours=1))
    assert later.idle is not None
    assert later.idle > 3000
    assert all(step.rate == 0 for step in later.steps)
