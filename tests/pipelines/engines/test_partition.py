"""A part's one file holds what a stage kept, what it dropped, and how many of each."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit, count_rows, drop_rows, load, read_header
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.stage import part_key, part_name
from triptych.schemas.dataset.ledger import Tally
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store

from ...carried_out import mapped

TABLE = pa.table(
    {
        "id": pa.array([bytes([i]) * 16 for i in range(4)], pa.binary(16)),
        "source": ["a", "b", "a", "a"],
        "file": ["f"] * 4,
        "row": [0, 1, 2, 3],
        "text": ["zero", "one", "two", "three"],
    }
)


class Shorten:
    """Drops the rows whose text is longer than it may be."""

    name = "shorten"
    counted = True

    def __init__(self, longest: int, loses: bool = False) -> None:
        self.longest, self.loses, self.runs = longest, loses, 0

    def identity(self) -> Any:
        return [1, self.longest]

    def run(self, table: pa.Table) -> Outcome:
        self.runs += 1
        texts = table["text"].to_pylist()
        kept, dropped = drop_rows(
            self.name, table, {i: ("long", text) for i, text in enumerate(texts) if len(text) > self.longest}
        )
        return Outcome(kept.slice(1) if self.loses else kept, dropped, note={"tokens": 5})


@pytest.fixture
def engine(tmp_path: Path) -> Serial:
    return Serial(Store(str(tmp_path)), Journal())


@pytest.fixture
def part(engine: Serial) -> Partition:
    commit(engine.store, "raw.arrow", Outcome(TABLE, DROPPED.empty_table()))
    return Partition("raw", (("raw.arrow", None),), 4)


def test_a_part_is_what_was_committed(engine: Serial) -> None:
    dropped = drop_rows("s", TABLE, {1: ("why", "so")})[1]
    tally = Tally(stage="s", source="b", rows_in=1, kept=0, dropped={"why": 1})
    commit(engine.store, "p.arrow", Outcome(TABLE, dropped, [tally], {"x": [1]}))
    header = read_header(engine.store, "p.arrow")
    assert (header.rows, header.tallies, header.note, header.dropped) == (4, [tally], {"x": [1]}, dropped)
    assert load(engine.store, Partition("k", (("p.arrow", None),), 4)) == TABLE


def test_pieces_are_put_together_and_sorted_when_asked(engine: Serial) -> None:
    chunks = pa.concat_tables([TABLE.slice(2), TABLE.slice(0, 2)])
    commit(engine.store, "p.arrow", Outcome(chunks, DROPPED.empty_table()))
    pieces = (("p.arrow", 1), ("p.arrow", 0))
    assert load(engine.store, Partition("k", pieces, 4)) == TABLE
    assert load(engine.store, Partition("k", pieces[::-1], 4))["row"].to_pylist() == [2, 3, 0, 1]
    assert load(engine.store, Partition("k", pieces[::-1], 4, sort_by="id"))["row"].to_pylist() == [0, 1, 2, 3]
    assert load(engine.store, Partition("k", pieces[::-1], 4, sort_by="source"))["row"].to_pylist() == [0, 2, 3, 1]


def test_mapping_keeps_counts_and_lists_the_dropped(engine: Serial, part: Partition) -> None:
    (out,) = mapped(engine, Shorten(4), [part])
    assert (out.rows, out.note["tokens"]) == (3, 5)
    (kept,) = engine.gather([out])
    assert kept["text"].to_pylist() == ["zero", "one", "two"]
    assert [(t.source, t.rows_in, t.kept, t.dropped) for t in engine.journal.tallies] == [
        ("a", 3, 2, {"long": 1}),
        ("b", 1, 1, {}),
    ]
    (name,) = engine.journal.dropped_in
    assert read_header(engine.store, name).dropped.to_pylist() == [
        {"stage": "shorten", "source": "a", "file": "f", "row": 3, "reason": "long", "detail": "three"}
    ]


def test_a_committed_part_is_not_made_again(engine: Serial, part: Partition) -> None:
    stage = Shorten(4)
    first, second = mapped(engine, stage, [part]), mapped(engine, stage, [part])
    assert first == second
    assert stage.runs == 1
    mapped(engine, Shorten(5), [part])
    assert len(engine.store.names("_work/shorten")) == 2
    assert [(step.total, step.reused, step.done) for step in engine.journal.steps] == [(1, 0, 1), (1, 1, 0), (1, 0, 1)]


def test_a_key_is_of_the_stage_its_settings_and_its_input(part: Partition) -> None:
    other = Partition("other", part.pieces, part.rows)
    named = Shorten(4)
    named.name = "named"
    keys = [part_key(Shorten(4), part), part_key(Shorten(5), part), part_key(Shorten(4), other), part_key(named, part)]
    assert len(set(keys)) == 4
    # where the input lies is no part of it
    assert part_key(Shorten(4), Partition("raw", (("elsewhere.arrow", 3),), 9)) == keys[0]


def test_a_stage_that_loses_rows_is_caught_before_it_commits(engine: Serial, part: Partition) -> None:
    stage = Shorten(4, loses=True)
    with pytest.raises(Refusal, match=r"ledger of stage shorten, source a: 3 rows in, but 1 kept and 1 dropped"):
        mapped(engine, stage, [part])
    assert not engine.store.exists(part_name("shorten", part_key(stage, part)))


def test_counting_names_sources_of_which_nothing_is_left() -> None:
    kept, dropped = drop_rows("s", TABLE, {1: ("why", "")})
    tallies = {tally.source: tally for tally in count_rows("s", TABLE, Outcome(kept, dropped))}
    assert (tallies["b"].rows_in, tallies["b"].kept, tallies["b"].dropped) == (1, 0, {"why": 1})
    assert tallies["a"].kept == 3
