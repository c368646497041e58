"""Short items share a task, by what others of their kind took; what a lost worker had committed is not done again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.engines.base import MeasuredTask
from triptych.pipelines.engines.chain import RunChain, Work, carry_out
from triptych.pipelines.engines.dask import Dask
from triptych.pipelines.engines.groups import MOST, SHARE, Groups, RunGroup
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit
from triptych.pipelines.engines.steps import Given, Map
from triptych.pipelines.engines.todo import Todo
from triptych.schemas.config.run import DaskEngine
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store


def kind(item: str) -> str:
    return item[0]


def test_a_kind_that_nobody_knows_goes_one_by_one() -> None:
    groups = Groups(Todo(["a1", "a2", "b1"]), kind)
    assert [groups.take(2) for _ in range(4)] == [[(0, "a1")], [(1, "a2")], [(2, "b1")], []]


def test_a_group_is_two_seconds_of_its_kind_and_leaves_the_others_their_share() -> None:
    todo = Todo([f"{letter}{number}" for number in range(1000) for letter in "ab"])
    groups = Groups(todo, kind)
    for _ in range(10):
        groups.finished("a", 0.1)
        groups.finished("b", 5.0)
    first, second = groups.take(2), groups.take(2)
    assert [item for _, item in first] == [f"a{number}" for number in range(20)]  # 2 s
    assert [item for _, item in second] == ["b0"]
    taken = [number for number, _ in [*first, *second]]
    sizes = []
    while group := groups.take(2):
        assert len({kind(item) for _, item in group}) == 1
        taken += [number for number, _ in group]
        sizes += [len(group)] if group[0][1].startswith("a") else []
    assert sorted(taken) == list(range(2000))
    assert sizes[-1] == 1
    left = 1000 - 20
    for size in sizes:
        assert size == max(1, min(20, left // (2 * SHARE)))
        left -= size


def test_a_group_grows_with_what_is_known_and_has_an_end() -> None:
    groups = Groups(Todo(["a"] * 100_000), kind)
    groups.finished("a", 0.0)
    assert len(groups.take(1)) == SHARE
    for _ in range(100):
        groups.finished("a", 0.0)
    assert len(groups.take(1)) == MOST


def test_what_is_added_later_is_taken_too() -> None:
    todo = Todo(["a1"])
    groups = Groups(todo, kind)
    assert groups.take(1) == [(0, "a1")]
    todo.add("a2")
    assert groups.take(1) == [(1, "a2")]


@dataclass(frozen=True)
class Count:
    """Writes a file each time that it runs."""

    folder: Path
    name: str = "count"
    counted: bool = False

    def identity(self) -> list[int]:
        return [1]

    def run(self, table: pa.Table) -> Outcome:
        row = table["row"][0].as_py()
        with open(self.folder / str(row), "a") as file:
            file.write("x")
        return Outcome(table, DROPPED.empty_table())


def works(store: Store, folder: Path, count: int) -> list[tuple[int, Work]]:
    chain = RunChain.of(store, [Map(Count(folder), Given(()))], None)
    made = []
    for row in range(count):
        commit(store, f"{row}.arrow", Outcome(pa.table({"row": [row]}), DROPPED.empty_table()))
        made.append((row, Work(chain, Partition(str(row), ((f"{row}.arrow", None),), 1))))
    return made


def test_a_group_that_is_begun_again_goes_on_behind_what_is_committed(tmp_path: Path) -> None:
    (tmp_path / "ran").mkdir()
    group: RunGroup[Any, Any] = RunGroup(MeasuredTask(carry_out))
    items = works(Store(str(tmp_path / "out")), tmp_path / "ran", 4)
    killed = group(items[:2])
    again = group(items)
    assert [done.index for done in again] == [0, 1, 2, 3]
    assert {path.name: path.read_text() for path in (tmp_path / "ran").iterdir()} == dict.fromkeys("0123", "x")
    committed = [[work.committed for work in done.result] for done in (*killed, *again)]
    assert committed[:2] == committed[2:4]


def fail_once(item: tuple[str, int]) -> int:
    """Raise at item 5 the first time."""
    mark = Path(item[0])
    if item[1] == 5 and not mark.exists():
        mark.touch()
        raise OSError("a store that did not answer")
    return item[1]


@pytest.mark.usefixtures("quick_workers")
def test_dask_gives_every_result_once(tmp_path: Path) -> None:
    engine = Dask(Store(str(tmp_path)), Journal(), DaskEngine(kind="dask", workers=2))
    try:
        todo = Todo([(str(tmp_path / "failed"), number) for number in range(400)])
        found = [(done.index, done.result) for done in engine.each(fail_once, todo)]
        assert sorted(found) == [(number, number) for number in range(400)]
    finally:
        engine.close()
