"""Tables that are put together before they are scattered give the rows of those that are not, in few pieces."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.engines import grown
from triptych.pipelines.engines.grown import first_buckets, rounded
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit, load
from triptych.pipelines.engines.ranges import ENTRY
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.shuffle import bucket_of
from triptych.pipelines.sources.row_ids import row_ids
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

from ...carried_out import shuffled

ROWS = (40, 0, 1, 73, 20, 5, 5, 90, 33, 2, 61, 17)
INTO = 30


def parts(store: Store) -> list[Partition]:
    draw = np.random.default_rng(0)
    made = []
    for index, size in enumerate(ROWS):
        ids = row_ids(f"file {index}", np.arange(size))
        table = pa.table({"id": ids, "key": pa.array(draw.integers(0, 1 << 60, size), pa.uint64())})
        commit(store, f"{index}.arrow", Outcome(table, DROPPED.empty_table()))
        made.append(Partition(str(index), ((f"{index}.arrow", None),), size, note={"bytes": table.nbytes}))
    return made


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    def patch(table: int, piece: int) -> None:
        for name, value in {"PARTITIONS": 4, "GROWN_BYTES": table, "PIECE_BYTES": piece}.items():
            monkeypatch.setattr(grown, name, value)

    return patch


def pieces(folder: Path) -> int:
    return sum(path.stat().st_size // ENTRY.itemsize for path in folder.glob("_work/ranges/*.bin"))


@pytest.mark.parametrize(("table", "piece", "rounds"), [(1 << 20, 50, 1), (1500, 100, 2)])
def test_the_rows_of_each_bucket_are_the_same(
    tmp_path: Path, small: Callable[[int, int], None], table: int, piece: int, rounds: int
) -> None:
    plain = Serial(Store(str(tmp_path / "plain")), Journal())
    expected = shuffled(plain, parts(plain.store), "key", INTO)
    small(table, piece)
    assert first_buckets(INTO) == (INTO if rounds == 1 else 6)
    engine = Serial(Store(str(tmp_path / "grown")), Journal())
    found = shuffled(engine, parts(engine.store), "key", INTO)
    assert [part.key for part in found] == [part.key for part in expected]
    assert [load(engine.store, part) for part in found] == [load(plain.store, part) for part in expected]
    for bucket, part in enumerate(found):
        assert set(bucket_of(load(engine.store, part)["key"], INTO).tolist()) <= {bucket}
    if rounds == 1:
        assert pieces(tmp_path / "grown") < pieces(tmp_path / "plain")
    else:
        runs = list((tmp_path / "grown" / "_work/ranges").iterdir())
        assert len(runs) > first_buckets(INTO)  # one a block of the first round, one a bucket of it in the second


@pytest.mark.parametrize(("table", "piece"), [(1 << 20, 50), (1500, 100)])
def test_a_resumed_run_finds_the_tables_again(
    tmp_path: Path, small: Callable[[int, int], None], table: int, piece: int
) -> None:
    small(table, piece)
    first = Serial(Store(str(tmp_path)), Journal())
    before = shuffled(first, parts(first.store), "key", INTO)
    again = Serial(Store(str(tmp_path)), Journal())
    assert shuffled(again, parts(again.store), "key", INTO) == before
    (step,) = again.journal.steps
    assert step.reused == step.total > 0
    one = sorted(tmp_path.glob("_work/shuffle/*.arrow"))[0]
    one.unlink()
    last = Serial(Store(str(tmp_path)), Journal())
    assert shuffled(last, parts(last.store), "key", INTO) == before
    (step,) = last.journal.steps
    assert (step.done, step.reused) == (1, step.total - 1)
    assert one.exists()


def test_few_partitions_are_scattered_one_by_one(tmp_path: Path, small: Callable[[int, int], None]) -> None:
    small(1 << 20, 50)
    engine = Serial(Store(str(tmp_path)), Journal())
    shuffled(engine, parts(engine.store)[:4], "key", INTO)
    assert len(list(tmp_path.glob("_work/shuffle/*.arrow"))) == 3  # one of the four has no rows


@given(st.integers(1, 5_000_000))
def test_the_buckets_of_the_first_round_divide_those_of_the_second(into: int) -> None:
    count = rounded(into)
    assert into <= count < into * 1.04 + 1
    assert count % first_buckets(count) == 0
    assert first_buckets(count) == count <= 1024 or count // first_buckets(count) <= first_buckets(count)
