"""Rows become samples: one text of a list, or a sample for each, with ids that do not depend on batches."""

from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.sources.base import TEXTS, Drop, RawBatch
from triptych.pipelines.sources.samples import samples
from triptych.schemas.config.sources import JsonlSource

LISTS = [["a", "b"], ["c"], ["d", "e", "f"]]


def batch(lists: list[list[str]] = LISTS) -> RawBatch:
    rows = {"row": pa.array(range(len(lists)), pa.int64()), "text": pa.array(lists, TEXTS)}
    return RawBatch(pa.table(rows | {"image": pa.array([b"x" * 100] * len(lists), pa.binary())}), [Drop(9, "r", "d")])


def texts_of(text_from: str, budget: int = 1 << 20, given: RawBatch | None = None) -> list[dict[str, Any]]:
    keys: Any = {"modality": "text", "text_from": text_from}
    source = JsonlSource(name="src", kind="jsonl", path="x", text="text", **keys)
    found = list(samples([given or batch()], source, "base", budget))
    assert [drop.row for one in found for drop in one.drops] == [9]
    return [row for one in found for row in one.table.to_pylist()]


@pytest.mark.parametrize(("text_from", "wanted"), [("first", ["a", "c", "d"]), ("join", ["a\nb", "c", "d\ne\nf"])])
def test_one_text_of_each_row(text_from: str, wanted: list[str]) -> None:
    assert [row["text"] for row in texts_of(text_from)] == wanted


def test_a_random_text_follows_the_row_and_all_texts_occur() -> None:
    found = [row["text"] for row in texts_of("random", given=batch([["a", "b"]] * 40))]
    assert set(found) == {"a", "b"}
    assert found == [row["text"] for row in texts_of("random", given=batch([["a", "b"]] * 40))]
    assert all(row["text"] in texts for row, texts in zip(texts_of("random"), LISTS, strict=True))


@pytest.mark.parametrize("budget", [1, 250, 1 << 20])
def test_each_text_is_a_sample_with_the_row_s_image(budget: int) -> None:
    found = texts_of("each", budget)
    assert [(row["row"], row["text"]) for row in found] == [
        (n, text) for n, texts in enumerate(LISTS) for text in texts
    ]
    assert len({row["id"] for row in found}) == 6
    assert [row["id"] for row in found] == [row["id"] for row in texts_of("each")]
    assert all(row["image"] == b"x" * 100 for row in found)


def test_a_batch_without_rows_keeps_its_drops_and_types() -> None:
    assert texts_of("each", given=batch([])) == []
