"""Signed rows carry the key and size of their content, and equal contents get one vertex of their bucket."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from triptych.pipelines.dedup.sign import EXCERPT, Distinct, Sign, exact_keys, near_methods
from triptych.schemas.config.dedup import AudioDedup, ImageDedup, NearImage, NearText, TextDedup
from triptych.schemas.config.run import Limits
from triptych.schemas.vocabulary import Modality

TEXTS = ["The cat", "the  CAT ", "a dog", "é" * 300, "THE CAT"]


def raw(texts: list[str]) -> pa.Table:
    count = len(texts)
    return pa.table(
        {
            "id": pa.array([number.to_bytes(16, "big") for number in range(count)], pa.binary(16)),
            "source": ["docs"] * count,
            "file": ["a.jsonl"] * count,
            "row": pa.array(range(count), pa.int64()),
            "part": pa.array([3] * count, pa.uint64()),
            "text": texts,
        }
    )


def test_rows_are_signed_with_their_size_in_bytes_and_the_beginning_of_their_text() -> None:
    signed = Sign(Modality.TEXT, TextDedup(), Limits()).run(raw(TEXTS)).table
    assert signed["size"].to_pylist() == [len(text.encode()) for text in TEXTS]
    assert signed["excerpt"].to_pylist() == [text[:EXCERPT] for text in TEXTS]
    keys = signed["key"].to_pylist()
    assert [keys.index(key) for key in keys] == [0, 0, 2, 3, 0]
    apart, _ = exact_keys(pa.chunked_array([TEXTS]), TextDedup(fold_case=False, fold_space=False), Limits())
    assert len(set(apart.to_pylist())) == len(TEXTS)


def test_media_that_cannot_be_read_are_left_out(makers: Any) -> None:
    images = pa.array([makers.picture(0), b"x", makers.picture(1)])
    table = raw(["one", "two", "three"]).append_column("image", images)
    signed = Sign(Modality.IMAGE, ImageDedup(), Limits()).run(table).table
    assert signed["row"].to_pylist() == [0, 2]
    assert signed["size"].to_pylist() == [40 * 36] * 2


@pytest.mark.parametrize("buckets", [1, 3])
def test_equal_contents_have_one_vertex_of_their_bucket(buckets: int) -> None:
    signed = (
        Sign(Modality.TEXT, TextDedup(), Limits())
        .run(raw(TEXTS))
        .table.sort_by([("key", "ascending"), ("id", "ascending")])
    )
    bucket = [int.from_bytes(key[:8], "little") % buckets for key in signed["key"].to_pylist()]
    for number in set(bucket):
        part = signed.filter(pa.array([each == number for each in bucket]))
        outcome = Distinct(buckets).run(part)
        distinct = sorted(set(part["key"].to_pylist()))
        assert outcome.note["distinct"] == len(distinct)
        expected = [(number << 32) | distinct.index(key) for key in part["key"].to_pylist()]
        assert outcome.table["vertex"].to_pylist() == expected
        firsts = outcome.table.filter(outcome.table["first"])
        assert firsts["key"].to_pylist() == distinct
        assert pc.min(firsts["row"]).as_py() == pc.min(part["row"]).as_py()


def test_near_methods_are_those_that_are_asked_for() -> None:
    asked: list[tuple[TextDedup | ImageDedup | AudioDedup, list[str]]] = [
        (TextDedup(), []),
        (ImageDedup(), []),
        (AudioDedup(), []),
        (TextDedup(near=NearText()), ["text"]),
        (ImageDedup(near=NearImage()), ["image"]),
        (AudioDedup(near=True), ["audio"]),
    ]
    for options, columns in asked:
        assert [near.column for near in near_methods(options, Limits())] == columns
