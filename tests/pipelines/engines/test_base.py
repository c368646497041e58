"""An engine's results are in the order of their items, whichever finished first, and a shuffle keeps every row."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest

from triptych.pipelines.engines.base import Engine, MeasuredTask, TaskResult
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit
from triptych.pipelines.engines.stage import WorkCount, part_name
from triptych.pipelines.engines.steps import Given, Shuffle
from triptych.pipelines.engines.todo import Todo
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

from ...carried_out import shuffled

A = TypeVar("A")
B = TypeVar("B")


class Backwards(Engine):
    """Runs the last item first."""

    def each(self, task: Callable[[A], B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        measured: MeasuredTask[A, B] = MeasuredTask(task)
        while todo:
            for index, item in reversed(list(todo.take(len(todo)))):
                yield measured(index, item)

    def close(self) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path) -> Backwards:
    return Backwards(Store(str(tmp_path)), Journal())


def test_results_are_in_the_order_of_the_items(engine: Backwards) -> None:
    ran: list[str] = []

    def task(item: str) -> WorkCount:
        ran.append(item)
        return WorkCount(len(item), 10 * len(item))

    counts = [WorkCount(1, 10), WorkCount(3, 30), WorkCount(2, 20)]
    assert engine.collect("count", task, ["a", "bbb", "cc"], known=2) == counts
    assert ran == ["cc", "bbb", "a"]
    (step,) = engine.journal.steps
    assert (step.label, step.total, step.reused, step.done, step.rows, step.tokens) == ("count", 5, 2, 3, 6, 60)
    assert engine.collect("nothing", task, []) == []


def test_a_shuffle_puts_every_row_into_its_bucket_sorted(engine: Backwards) -> None:
    draw = random.Random(0)
    rows: list[dict[str, Any]] = [{"id": draw.randbytes(16), "key": draw.randrange(40)} for _ in range(90)]
    schema = pa.schema([("id", pa.binary(16)), ("key", pa.uint64())])
    parts = []
    for number in range(3):
        table = pa.Table.from_pylist(rows[30 * number : 30 * number + 30], schema)
        commit(engine.store, f"{number}.arrow", Outcome(table, DROPPED.empty_table()))
        parts.append(Partition(str(number), ((f"{number}.arrow", None),), 30))
    buckets = shuffled(engine, parts, "key", 4)
    for bucket, (part, table) in enumerate(zip(buckets, engine.gather(buckets), strict=True)):
        mine = sorted((row for row in rows if row["key"] % 4 == bucket), key=lambda row: (row["key"], row["id"]))
        assert table.to_pylist() == mine
        assert part.rows == len(mine)
    assert shuffled(engine, parts, "key", 4) == buckets
    assert Counter(step.reused for step in engine.journal.steps) == {0: 1, 3: 1}


def test_grouped_parts_of_another_engine_are_used_without_their_input(engine: Backwards) -> None:
    parts = [Partition("gone", (("gone.arrow", None),), 2)]
    step = Shuffle((Given(parts),), "key", 2)
    for bucket, key in enumerate(step.keys):
        table = pa.table({"id": pa.array([bytes(16)], pa.binary(16)), "key": pa.array([bucket], pa.uint64())})
        commit(engine.store, part_name("shuffle", key), Outcome(table, DROPPED.empty_table()))
    buckets = engine.run([step])[step]
    assert [table["key"].to_pylist() for table in engine.gather(buckets)] == [[0], [1]]
    assert [part.sort_by for part in buckets] == ["key", "key"]
