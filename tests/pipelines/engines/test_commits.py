"""What a run knows of committed parts: from results, from the index, and from the parts themselves, always the same."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest

from triptych.pipelines.engines import commits, partition
from triptych.pipelines.engines.base import MeasuredTask, TaskResult
from triptych.pipelines.engines.commits import COMMITS, CommitIndex
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Committed, Outcome, Partition, commit, drop_rows
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.todo import Todo
from triptych.schemas.dataset.ledger import merge
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

from ...carried_out import mapped

A = TypeVar("A")
B = TypeVar("B")
PARTS = 6


class DropOdd:
    """Drops the odd rows, and notes the first."""

    name = "odd"
    counted = True

    def identity(self) -> list[int]:
        return [1]

    def run(self, table: pa.Table) -> Outcome:
        rows = table["row"].to_pylist()
        odd = {at: ("odd", "") for at, row in enumerate(rows) if row % 2}
        return Outcome(*drop_rows(self.name, table, odd), note={"first": rows[0]})


class Stops(Serial):
    """Ends after some results, as a driver that is interrupted; one more part is committed."""

    after = 3

    def each(self, task: Callable[[A], B], todo: Todo[A]) -> Iterator[TaskResult[B]]:
        measured: MeasuredTask[A, B] = MeasuredTask(task)
        while len(todo):
            ((index, item),) = todo.take()
            done = measured(index, item)
            if index == self.after:
                raise KeyboardInterrupt
            yield done


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


@pytest.fixture
def parts(store: Store) -> list[Partition]:
    made = []
    for number in range(PARTS):
        count = 2 if number % 3 else 1  # those of one row drop nothing
        rows = pa.array(range(10 * number, 10 * number + count), pa.int64())
        table = pa.table({"source": ["s"] * count, "file": ["f"] * count, "row": rows})
        commit(store, f"{number}.arrow", Outcome(table, DROPPED.empty_table()))
        made.append(Partition(str(number), ((f"{number}.arrow", None),), count))
    return made


def ledger(journal: Journal) -> Any:
    return merge(journal.tallies), journal.dropped_in


def never(*_: Any) -> Any:
    raise AssertionError("the header of a part was read")


def test_neither_a_fresh_run_nor_its_resumption_reads_a_header(
    store: Store, parts: list[Partition], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "read_header", never)
    fresh, again = Serial(store, Journal()), Serial(store, Journal())
    made = mapped(fresh, DropOdd(), parts)
    assert [part.note["first"] for part in made] == [10 * number for number in range(PARTS)]
    assert mapped(again, DropOdd(), parts) == made
    assert ledger(again.journal) == ledger(fresh.journal)
    assert len(fresh.journal.dropped_in) == 4
    assert [step.done for step in again.journal.steps] == [0]


@pytest.mark.parametrize("lost", ["the index", "a segment", "nothing"])
def test_parts_of_which_the_index_says_nothing_are_asked(store: Store, parts: list[Partition], lost: str) -> None:
    first = Serial(store, Journal())
    made = mapped(first, DropOdd(), parts[:2]) + mapped(first, DropOdd(), parts[2:4])
    segments = store.names(f"{COMMITS}/odd")
    assert len(segments) == 2
    if lost == "the index":
        for name in segments:
            store.delete(name)
    elif lost == "a segment":
        store.write(segments[0], store.read(segments[0])[:-20])
    whole, again = Serial(store, Journal()), Serial(store, Journal())
    assert mapped(whole, DropOdd(), parts)[:4] == made
    assert mapped(again, DropOdd(), parts)[:4] == made
    assert ledger(whole.journal) == ledger(again.journal)
    assert ledger(whole.journal)[0][0].rows_in == sum(part.rows for part in parts)


def test_a_part_that_is_gone_is_made_again_whatever_the_index_says(store: Store, parts: list[Partition]) -> None:
    (made, *_) = mapped(Serial(store, Journal()), DropOdd(), parts)
    store.delete(made.pieces[0][0])
    again = Serial(store, Journal())
    assert mapped(again, DropOdd(), parts)[0] == made
    assert [(step.reused, step.done) for step in again.journal.steps] == [(PARTS - 1, 1)]


def test_an_interrupted_step_counts_what_is_committed_once(store: Store, parts: list[Partition]) -> None:
    stopped, whole = Stops(store, Journal()), Serial(Store(f"{store.url}/other"), Journal())
    with pytest.raises(KeyboardInterrupt):
        mapped(stopped, DropOdd(), parts)
    (tally,) = merge(stopped.journal.tallies)
    assert tally.rows_in == sum(part.rows for part in parts[: Stops.after])  # those of which a result arrived
    resumed = Serial(store, Journal())
    mapped(resumed, DropOdd(), parts)
    for part in parts:
        whole.store.write(part.pieces[0][0], store.read(part.pieces[0][0]))
    mapped(whole, DropOdd(), parts)
    assert ledger(resumed.journal) == ledger(whole.journal)


def test_many_segments_become_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "SEGMENTS", 3)
    index = CommitIndex(store)
    names = [f"_work/s/{number}.arrow" for number in range(5)]
    for name in names:
        store.write(name, b"a part that nobody reads")
        index.add([Committed(name, name.encode(), 1)])
        index.flush()
    expected = [Committed(name, name.encode(), 1) for name in names]
    assert [index.of("s").get(name) for name in names] == expected
    assert len(store.names(f"{COMMITS}/s")) == 1
    assert [CommitIndex(store).of("s").get(name) for name in names[::-1]] == expected[::-1]


def test_lines_are_written_while_results_arrive(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "FLUSH_SECONDS", -1)
    CommitIndex(store).add([Committed("_work/s/a.arrow", b"{}", 0)])
    assert len(store.names(f"{COMMITS}/s")) == 1


def test_a_header_says_what_the_task_returned(store: Store) -> None:
    table = pa.table({"source": ["s", "s"], "file": ["f", "f"], "row": [1, 2]})
    kept, dropped = drop_rows("odd", table, {0: ("odd", "ü")})
    committed = commit(store, "a.arrow", Outcome(kept, dropped, note={"π": [1, 2.5, None]}))
    assert partition.read_header(store, "a.arrow").committed("a.arrow") == committed
    assert committed.dropped == 1
