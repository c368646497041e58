"""Keys follow from a description before any of it is done, and are those of the parts that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit
from triptych.pipelines.engines.ranges import note_of
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.stage import WorkCount, part_name
from triptych.pipelines.engines.steps import Description, Gather, Given, Map, Shuffle
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

INTO = 3


@dataclass(frozen=True)
class Add:
    """Adds a number to every value, and those of the table beside, if there is one."""

    number: int
    name: str = "add"
    counted: bool = False

    def identity(self) -> list[int]:
        return [self.number]

    def run(self, table: pa.Table, beside: pa.Table | None = None) -> Outcome:
        more = 0 if beside is None else sum(beside["value"].to_pylist())
        values = [value + self.number + more for value in table["value"].to_pylist()]
        column = pa.array(values, pa.uint64())
        return Outcome(table.set_column(1, "value", column), DROPPED.empty_table(), note={})


@dataclass(frozen=True)
class Total:
    """One row with the sum of all values, in the bucket of the sum."""

    store: Store
    name: str = "total"

    def identity(self) -> list[Any]:
        return []

    def done(self, key: str) -> str:
        return part_name(self.name, key)

    def __call__(self, key: str, parts: Sequence[Sequence[Partition]]) -> WorkCount:
        tables = [table for group in parts for table in Serial(self.store, Journal()).gather(group)]
        total = sum(value for table in tables for value in table["value"].to_pylist())
        table = rows([total])
        note = note_of(np.array([total % INTO]), table.to_batches(), table.schema)
        outcome = Outcome(table, DROPPED.empty_table(), note=note)
        return WorkCount(1, 0, (commit(self.store, self.done(key), outcome),))


def rows(values: Sequence[int]) -> pa.Table:
    ids = pa.array([value.to_bytes(16, "little") for value in values], pa.binary(16))
    return pa.table({"id": ids, "value": pa.array(values, pa.uint64())})


@pytest.fixture
def engine(tmp_path: Path) -> Serial:
    return Serial(Store(str(tmp_path)), Journal())


@pytest.fixture
def given(engine: Serial) -> Given:
    parts = []
    for number, values in enumerate(([1, 2], [4], [5, 7, 9])):
        commit(engine.store, f"{number}.arrow", Outcome(rows(values), DROPPED.empty_table()))
        parts.append(Partition(str(number), ((f"{number}.arrow", None),), len(values)))
    return Given(parts)


def values(engine: Serial, parts: Sequence[Partition]) -> list[list[int]]:
    return [table["value"].to_pylist() for table in engine.gather(parts)]


def test_the_keys_of_a_chain_with_a_shuffle_are_known_before(engine: Serial, given: Given) -> None:
    shuffled = Shuffle((Map(Add(10), given), Map(Add(20), given)), "value", INTO)
    last = Map(Add(0), shuffled)
    expected = last.keys
    found = engine.run([last])[last]
    assert [part.key for part in found] == expected
    assert sorted(value for bucket in values(engine, found) for value in bucket) == sorted(
        value + number for value in (1, 2, 4, 5, 7, 9) for number in (10, 20)
    )


def test_a_bucket_goes_beside_the_partition_at_its_place(engine: Serial, given: Given) -> None:
    total = Gather(Total(engine.store), (given,), INTO)
    joined = Map(Add(0), given, beside=total)
    keys = joined.keys
    found = engine.run([joined])[joined]
    # the sum of all is 28, whose bucket is 1
    assert values(engine, found) == [[1, 2], [4 + 28], [5, 7, 9]]
    assert [part.key for part in found] == keys
    assert len({*keys, *Map(Add(0), given).keys}) == 2 * len(keys)


def test_keys_that_depend_on_rows_are_not_known_before(given: Given) -> None:
    with pytest.raises(LookupError, match="rows that are left"):
        _ = Map(Add(0), given, masks=True).keys


def test_a_step_comes_after_those_that_it_takes_from_and_continues_a_chain(given: Given) -> None:
    first = Map(Add(1), given)
    second = Map(Add(2), first)
    shuffled = Shuffle((second,), "value", INTO)
    described = Description([shuffled])
    assert described.steps == [given, first, second, shuffled]
    assert described.following(first, lambda _: False) is second
    assert described.following(second, lambda _: True) is shuffled
    assert described.following(second, lambda _: False) is None
    # what two steps take from is a task of its own
    assert Description([shuffled, Map(Add(3), first)]).following(first, lambda _: True) is None


def test_what_is_committed_is_not_done_again_and_each_stage_is_committed(engine: Serial, given: Given) -> None:
    last = Map(Add(2), Map(Add(1), given))
    engine.run([last])
    assert len(engine.store.names("_work/add")) == 2 * len(given.parts)
    for name in (last.name_for(Partition(key, (), 0)) for key in last.source.keys[1:]):
        engine.store.delete(name)
    again = Map(Add(2), Map(Add(1), given))
    assert values(engine, engine.run([again])[again]) == [[4, 5], [7], [8, 10, 12]]
    (step,) = engine.journal.steps[1:]
    assert (step.total, step.reused, step.done) == (6, 4, 2)
