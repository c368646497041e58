"""Documents are found by id, and drawn by a seed whatever shards they are in."""

import json
from pathlib import Path
from typing import Any

import pytest
import xxhash

from triptych.pipelines.inspection.find_documents import (
    find_document,
    find_segments,
    ids_by_content,
    sample_documents,
)
from triptych.pipelines.takedown.takedown import take_down
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal


@pytest.fixture(scope="module")
def dataset(made: Path) -> Dataset:
    return Dataset(str(made))


def test_a_document_is_found_with_all_its_pieces(dataset: Dataset) -> None:
    rows = [dataset.row(index).segments for index in range(dataset.rows)]
    split = min(each["id"] for row in rows for each in row if not each["last"])
    places = find_document(dataset, split.hex().upper())
    expected = [(i, n) for i, row in enumerate(rows) for n, each in enumerate(row, 1) if each["id"] == split]
    assert sorted((place.row, place.number) for place in places) == expected
    assert [place.offset for place in places] == sorted(place.offset for place in places)
    with pytest.raises(Refusal, match="32 hexadecimal digits"):
        find_document(dataset, "12")
    with pytest.raises(Refusal, match=r"no shard of .* has this document\."):
        find_document(dataset, "0" * 32)


def test_a_content_finds_its_documents_in_every_preparation(text_tree: Any, prepared: Any, tmp_path: Path) -> None:
    texts = ["one text", "another text", "one text"]
    found = []
    for name, lines in (("a", texts), ("b", ["a line before", *texts[:2]])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in lines))
        source = {"name": name, "kind": "jsonl", "path": str(tmp_path / f"{name}.jsonl"), "text": "text"}
        prepared(text_tree(tmp_path / f"out-{name}", sources=[source]))
        found.append(Dataset(str(tmp_path / f"out-{name}")))
    content = xxhash.xxh3_128_digest(b"one text")
    for dataset, rows in zip(found, ([0, 2], [1]), strict=True):
        segments = [each for i in range(dataset.rows) for each in dataset.row(i).segments]
        ids = sorted(each["id"] for each in segments if each["row"] in rows)
        by_content = ids_by_content(dataset, [content, bytes(16)])
        assert {key: sorted(each) for key, each in by_content.items()} == {content: ids}


def test_a_document_that_was_taken_down_is_said_to_be(texts: Path) -> None:
    document = Dataset(str(texts)).row(0).segments[0]["id"].hex()
    take_down(str(texts), [document])
    with pytest.raises(Refusal, match="it was taken down"):
        find_document(Dataset(str(texts)), document)


def test_a_sample_has_each_document_once_and_follows_its_seed(dataset: Dataset) -> None:
    documents = {each["id"]: each["source"] for i in range(dataset.rows) for each in dataset.row(i).segments}
    everything = sample_documents(dataset, None, 10**6, 0)
    assert sorted(everything.ids) == sorted(documents)
    assert everything.of == len(documents)
    few = sample_documents(dataset, "stamps", 5, 3)
    assert few == sample_documents(dataset, "stamps", 5, 3)
    assert (len(set(few.ids)), few.of) == (5, sum(source == "stamps" for source in documents.values()))
    assert {documents[each] for each in few.ids} == {"stamps"}
    assert few.ids != sample_documents(dataset, "stamps", 5, 4).ids
    assert {place.document for place in find_segments(dataset, few.ids)} == set(few.ids)
    with pytest.raises(Refusal, match="the sources of"):
        sample_documents(dataset, "none", 5, 0)


def test_the_sample_does_not_depend_on_the_shards(text_tree: Any, prepared: Any, tmp_path: Path) -> None:
    for name, size in (("one", 10**9), ("many", 20_000)):
        prepared(text_tree(tmp_path / name, pack={"shard_bytes": size}))
    one, many = (sample_documents(Dataset(str(tmp_path / name)), None, 7, 1) for name in ("one", "many"))
    assert one == many


def test_a_duplicate_is_said_to_be_one(text_tree: Any, prepared: Any, makers: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    makers.write_docs(tmp_path / "a.jsonl", [makers.words(1, 20)] * 2)
    source = {"name": "a", "kind": "jsonl", "path": str(tmp_path / "a.jsonl"), "text": "text"}
    prepared(text_tree(tmp_path / "out", sources=[source], dedup={"text": {"exact": True}}))
    rows = pq.read_table(tmp_path / "out/duplicates.parquet").to_pylist()
    (dropped,) = (row["id"].hex() for row in rows if row["reason"])
    with pytest.raises(Refusal, match="it is a duplicate, see `--cluster 1`"):
        find_document(Dataset(str(tmp_path / "out")), dropped)
