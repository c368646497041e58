"""A shuffle keeps every row, and what comes of it does not show how it was done."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit, load
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.shuffle import bucket_of
from triptych.pipelines.sources.row_ids import row_ids
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

from ...carried_out import shuffled

INTO = 5


def parts(store: Store, sizes: list[int], seed: int = 0) -> list[Partition]:
    """Committed parts of rows with ids, a number to shuffle by, and a payload."""
    draw = np.random.default_rng(seed)
    made = []
    for index, size in enumerate(sizes):
        ids = row_ids(f"file {index}", np.arange(size))
        table = pa.table({"id": ids, "key": pa.array(draw.integers(0, 9, size), pa.uint64()), "x": draw.random(size)})
        commit(store, f"{index}.arrow", Outcome(table, DROPPED.empty_table()))
        made.append(Partition(str(index), ((f"{index}.arrow", None),), size))
    return made


@pytest.mark.parametrize("by", ["id", "key"])
def test_rows_are_kept_and_sorted_and_each_value_is_in_one_place(tmp_path: Path, by: str) -> None:
    engine = Serial(Store(str(tmp_path)), Journal())
    given_parts = parts(engine.store, [40, 0, 1, 73])
    found = shuffled(engine, given_parts, by, INTO)
    tables = list(engine.gather(found))
    before = pa.concat_tables(engine.gather(given_parts)).sort_by("id")
    assert pa.concat_tables(tables).sort_by("id") == before
    assert [part.rows for part in found] == [table.num_rows for table in tables]
    assert len(found) == INTO
    seen: set[Any] = set()
    for table in tables:
        pairs = list(zip(table[by].to_pylist(), table["id"].to_pylist(), strict=True))
        assert pairs == sorted(pairs)
        assert not seen & set(table[by].to_pylist())
        seen |= set(table[by].to_pylist())


def test_the_order_of_the_parts_does_not_show_in_the_rows(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    given_parts = parts(store, [30, 20, 50])
    one = shuffled(Serial(store, Journal()), given_parts, "key", INTO)
    other = shuffled(Serial(store, Journal()), given_parts[::-1], "key", INTO)
    assert [load(store, part) for part in one] == [load(store, part) for part in other]
    assert {part.key for part in one}.isdisjoint({part.key for part in other})


def test_a_shuffle_writes_a_file_a_part_and_not_one_a_bucket(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    shuffled(Serial(store, Journal()), parts(store, [30, 20, 50]), "id", 64)
    assert len(store.names("_work/shuffle")) == 3


def test_it_is_no_stage_of_the_ledger(tmp_path: Path) -> None:
    engine = Serial(Store(str(tmp_path)), Journal())
    shuffled(engine, parts(engine.store, [30]), "id", INTO)
    assert engine.journal.tallies == []


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=30), st.integers(1, 9), st.integers(0, 5))
def test_a_bucket_is_of_the_value_alone(ids: list[bytes], into: int, skip: int) -> None:
    column = pa.chunked_array([pa.array(ids, pa.binary(16))])
    expected = [int.from_bytes(value[:8], "little") % into for value in ids]
    assert bucket_of(column, into).tolist() == expected
    assert bucket_of(column.slice(skip), into).tolist() == expected[skip:]


def test_ids_spread_evenly() -> None:
    counts = np.bincount(bucket_of(pa.chunked_array([row_ids("file", np.arange(80_000))]), 8))
    assert abs(counts - 10_000).max() < 500
