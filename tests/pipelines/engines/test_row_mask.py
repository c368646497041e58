"""A stage that only drops rows is committed as a mask, and later stages see only which rows are left."""

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit, drop_rows, load
from triptych.pipelines.engines.row_mask import RowMask
from triptych.pipelines.engines.serial import Serial
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

from ...carried_out import mapped

TEXTS = ["zero", "né", "two", "three"]
TABLE = pa.table(
    {
        "id": pa.array([bytes([i]) * 16 for i in range(4)], pa.binary(16)),
        "source": ["a", "b", "a", "a"],
        "file": ["f"] * 4,
        "row": [0, 1, 2, 3],
        "text": TEXTS,
    }
)


@dataclass(frozen=True)
class Shorten:
    """Drops the rows whose text is longer than it may be."""

    longest: int
    name: str = "shorten"
    counted: bool = True

    def identity(self) -> list[int]:
        return [self.longest]

    def run(self, table: pa.Table) -> Outcome:
        long = {i: ("long", "") for i, text in enumerate(table["text"].to_pylist()) if len(text) > self.longest}
        return Outcome(*drop_rows(self.name, table, long), note={"limit": self.longest})


@pytest.fixture
def engine(tmp_path: Path) -> Serial:
    return Serial(Store(str(tmp_path)), Journal())


@pytest.fixture
def part(engine: Serial) -> Partition:
    commit(engine.store, "raw.arrow", Outcome(TABLE, DROPPED.empty_table()))
    return Partition("raw", (("raw.arrow", None),), 4, note={"file": "f"})


def test_a_mask_has_a_boolean_per_row_and_counts_what_is_left() -> None:
    outcome = RowMask(Shorten(3)).run(TABLE)
    assert outcome.table.to_pydict() == {"kept": [False, True, True, False]}
    assert outcome.note["kept"] == 2
    assert outcome.note["text_bytes"] == 6  # é has two
    assert [(t.source, t.rows_in, t.kept, t.dropped) for t in outcome.tallies] == [
        ("a", 3, 1, {"long": 2}),
        ("b", 1, 1, {}),
    ]
    nothing = RowMask(Shorten(1)).run(TABLE)
    assert (nothing.note["kept"], nothing.note["text_bytes"]) == (0, 0)


def test_masks_apply_one_after_another_without_copying_the_rows(engine: Serial, part: Partition) -> None:
    (once,) = mapped(engine, Shorten(4), [part], masks=True)
    (twice,) = mapped(engine, Shorten(2), [once], masks=True)
    assert [load(engine.store, each)["text"].to_pylist() for each in (once, twice)] == [["zero", "né", "two"], ["né"]]
    assert [(each.rows, len(each.masks)) for each in (once, twice)] == [(3, 1), (1, 2)]
    assert once.pieces == twice.pieces == part.pieces
    assert (once.note["file"], once.note["limit"], twice.note["limit"]) == ("f", 4, 2)


def test_a_key_depends_on_the_rows_that_are_left_alone(engine: Serial, part: Partition) -> None:
    same, also, fewer, all_ = (mapped(engine, Shorten(longest), [part], masks=True)[0] for longest in (3, 2, 4, 5))
    assert also.key != same.key != fewer.key != part.key
    assert (all_.key, all_.masks, all_.rows) == (part.key, (), 4)
    renamed = mapped(engine, replace(Shorten(3), name="other"), [part], masks=True)[0]
    assert (renamed.key, renamed.masks != same.masks) == (same.key, True)
