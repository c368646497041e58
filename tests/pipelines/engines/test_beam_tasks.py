"""What Beam's workers do to elements: work is answered, and rows that are split and grouped are all there again."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.engines.base import MeasuredTask
from triptych.pipelines.engines.beam_results import BeamResults
from triptych.pipelines.engines.beam_tasks import Group, Piece, Split, Work
from triptych.pipelines.engines.partition import Outcome, Partition, commit, load
from triptych.pipelines.engines.shuffle import Scatter
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

SCHEMA = pa.schema([("id", pa.binary(16)), ("key", pa.uint64())])


def invert(item: int) -> float:
    """The task of these tests."""
    return 1 / item


@pytest.fixture
def mailbox(tmp_path: Path) -> BeamResults:
    return BeamResults(Store(str(tmp_path)), "_work/beam/one")


def test_work_is_answered_or_its_failure_is(mailbox: BeamResults) -> None:
    spans = mailbox.post([2, 4, 0])
    work = Work(mailbox, MeasuredTask(invert))
    for span in spans[:2]:
        work(span)
    assert sorted((done.index, done.result) for done in mailbox.results()) == [(0, 0.5), (1, 0.25)]
    with pytest.raises(ZeroDivisionError):
        work(spans[2])
    assert isinstance(mailbox.failure(), ZeroDivisionError)
    assert mailbox.lost([0, 1, 2]) == 1


def test_split_rows_that_are_grouped_are_those_of_the_bucket(mailbox: BeamResults) -> None:
    draw = random.Random(1)
    parts: list[Partition] = []
    rows: list[dict[str, Any]] = []
    for number in range(3):
        # key 3 never occurs, so a bucket is empty
        mine = [{"id": draw.randbytes(16), "key": draw.choice([0, 1, 2, 4, 6])} for _ in range(20)]
        commit(mailbox.store, f"{number}", Outcome(pa.Table.from_pylist(mine, SCHEMA), DROPPED.empty_table()))
        parts.append(Partition(str(number), ((str(number), None),), 20))
        rows += mine
    missing = frozenset({0, 2, 3})
    split = Split(mailbox, Scatter("key", 4), missing)
    pieces: dict[int, list[Piece]] = {}
    for span in reversed(mailbox.post(parts)):  # in any order
        for bucket, piece in split(span):
            pieces.setdefault(bucket, []).append(piece)
    assert pieces.keys() == missing
    group = Group(mailbox, {bucket: f"bucket-{bucket}" for bucket in missing})
    for bucket, arrived in pieces.items():
        group((bucket, arrived))
        table = load(mailbox.store, Partition("", ((f"bucket-{bucket}", None),), 0))
        assert table.schema == SCHEMA
        assert [row for row in rows if row["key"] % 4 == bucket] == table.to_pylist()
    counts = {done.index: done.result.rows for done in mailbox.results()}
    assert counts[3] == 0
    assert counts == {bucket: sum(row["key"] % 4 == bucket for row in rows) for bucket in missing}
