"""Rows get their ids and partitions their names from content, never from where or how they are read."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.sources.row_ids import row_ids
from triptych.pipelines.tokenize.training_sample import draw_training_sample
from triptych.schemas.dataset.reader import Dataset


@given(st.text(max_size=9), st.integers(0, 1 << 62), st.integers(1, 200))
def test_an_id_is_of_the_file_and_the_row_alone(base: str, first: int, count: int) -> None:
    rows = np.arange(first, first + count)
    ids = row_ids(base, rows).to_pylist()
    assert len(set(ids)) == count
    assert row_ids(base, rows[::-1]).to_pylist() == ids[::-1]
    assert row_ids(base, rows[count // 2 :]).to_pylist() == ids[count // 2 :]
    assert set(row_ids(base + "x", rows).to_pylist()).isdisjoint(ids)


def test_ids_are_what_they_have_always_been() -> None:
    # they lie in datasets, and two preparations are compared by them
    assert [value.hex() for value in row_ids("base", np.array([0, 1])).to_pylist()] == EXPECTED


EXPECTED = ["d4c3c5fbb8c8bf2f35c0838c0f9e97cc", "9bdbaa3e3b79350eb0a23070a9f19dbd"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_draw_takes_about_its_share_and_more_of_it_takes_more(share: float) -> None:
    ids = pa.chunked_array([row_ids("file", np.arange(20_000))])
    mask = draw_training_sample(ids, share).to_numpy(zero_copy_only=False)
    assert abs(mask.mean() - share) < 0.01
    more = draw_training_sample(ids, min(share * 1.5, 1.0)).to_numpy(zero_copy_only=False)
    assert (more | ~mask).all()


def ids_of(out: Path) -> dict[tuple[str, str, int], bytes]:
    """Document id of every row that is in a dataset."""
    dataset = Dataset(str(out))
    segments = [segment for index in range(dataset.rows) for segment in dataset.row(index).segments]
    return {(s["source"], s["file"], s["row"]): s["id"] for s in segments}


def test_ids_hold_however_the_run_is_cut(text_tree: Any, prepared: Any, tmp_path: Path) -> None:
    prepared(text_tree(tmp_path / "fine", partition_bytes=1024))
    prepared(text_tree(tmp_path / "coarse", partition_bytes=1 << 20, row_length=300))
    assert ids_of(tmp_path / "fine") == ids_of(tmp_path / "coarse")


def test_two_files_of_one_content_keep_their_rows_apart(
    text_tree: Any, prepared: Any, sources: list[Any], makers: Any, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        makers.write_docs(tmp_path / f"{name}.jsonl", ["the same", "and the same"])
    source = sources[0] | {"path": f"{tmp_path}/*.jsonl"}
    prepared(text_tree(tmp_path / "out", sources=[source, source | {"name": "again"}]))
    ids = ids_of(tmp_path / "out")
    assert len(ids) == len(set(ids.values())) == 12


def test_a_file_added_leaves_the_ids_of_the_others(
    text_tree: Any, prepared: Any, sources: list[Any], makers: Any, tmp_path: Path
) -> None:
    source = sources[0] | {"path": f"{tmp_path}/*.jsonl"}
    makers.write_docs(tmp_path / "b.jsonl", ["one", "two"])
    prepared(text_tree(tmp_path / "one", sources=[source]))
    makers.write_docs(tmp_path / "a.jsonl", ["three"])
    prepared(text_tree(tmp_path / "two", sources=[source]))
    assert ids_of(tmp_path / "one").items() <= ids_of(tmp_path / "two").items()
