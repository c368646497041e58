"""A partition goes on as soon as it can: nothing waits for the last partition of a step, nor for other chains."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from triptych.pipelines.engines.base import Engine, MeasuredTask, TaskResult
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit
from triptych.pipelines.engines.steps import Given, Map, Shuffle
from triptych.pipelines.engines.todo import Todo
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

A = TypeVar("A")
B = TypeVar("B")


class Newest(Engine):
    """Always runs what became ready last."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, Journal())
        self.most_ready = 0

    def each(self, task: Callable[[A], B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        ready: list[tuple[int, A]] = []
        while ready or todo:
            ready += todo.take(len(todo))
            self.most_ready = max(self.most_ready, len(ready))
            index, item = ready.pop()
            yield MeasuredTask(task)(index, item)

    def close(self) -> None:
        pass


class Trace:
    """A stage that tells when it runs, and on which row."""

    counted = False

    def __init__(self, name: str, ran: list[str]) -> None:
        self.name, self.ran = name, ran

    def identity(self) -> list[Any]:
        return []

    def run(self, table: pa.Table) -> Outcome:
        self.ran.append(f"{self.name} {','.join(map(str, table['value'].to_pylist()))}")
        return Outcome(table, DROPPED.empty_table())


def given(store: Store, name: str, count: int) -> Given:
    parts = []
    for number in range(count):
        ids = pa.array([number.to_bytes(16, "big")], pa.binary(16))
        table = pa.table({"id": ids, "value": pa.array([number], pa.uint64())})
        commit(store, f"{name}-{number}.arrow", Outcome(table, DROPPED.empty_table()))
        parts.append(Partition(f"{name}-{number}", ((f"{name}-{number}.arrow", None),), 1))
    return Given(parts)


def test_a_partition_goes_through_a_chain_before_others_begin(tmp_path: Path) -> None:
    engine, ran = Newest(Store(str(tmp_path))), list[str]()
    last = Map(Trace("second", ran), Map(Trace("first", ran), given(engine.store, "one", 3)))
    engine.run([last])
    assert ran == ["first 2", "second 2", "first 1", "second 1", "first 0", "second 0"]


def test_chains_run_beside_each_other_and_a_shuffle_waits_for_its_own(tmp_path: Path) -> None:
    engine, ran = Newest(Store(str(tmp_path))), list[str]()
    ends = []
    for name in ("one", "other"):
        shuffle = Shuffle((Map(Trace(f"{name} before", ran), given(engine.store, name, 2)),), "value", 1)
        ends.append(Map(Trace(f"{name} after", ran), shuffle))
    engine.run(ends)
    assert engine.most_ready == 4  # the tasks of both
    assert ran == [
        "other before 1",
        "other before 0",
        "other after 0,1",
        "one before 1",
        "one before 0",
        "one after 0,1",
    ]


def test_two_shuffles_of_one_step_share_its_work(tmp_path: Path) -> None:
    engine, ran = Newest(Store(str(tmp_path))), list[str]()
    first = Map(Trace("first", ran), given(engine.store, "one", 2))
    ends = [Map(Trace("after", ran), Shuffle((first,), by, into)) for by, into in (("value", 2), ("id", 1))]
    engine.run(ends)
    assert sorted(ran) == ["after 0", "after 0,1", "after 1", "first 0", "first 1"]


def test_an_empty_partition_goes_no_further(tmp_path: Path) -> None:
    engine, ran = Newest(Store(str(tmp_path))), list[str]()
    empty = Partition("empty", (("nowhere.arrow", None),), 0)
    last = Map(Trace("first", ran), Given([empty, *given(engine.store, "one", 1).parts]))
    assert len(engine.run([last])[last]) == 1
    assert ran == ["first 0"]
