"""What Beam's workers do to elements: rows that are split and grouped are all there again, and results are reported."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.engines.base import MeasuredTask
from triptych.pipelines.engines.beam_fns import CarryBucket, CarryOut, Join, Split, place_of_bucket
from triptych.pipelines.engines.beam_results import BeamResults
from triptych.pipelines.engines.partition import Outcome, Partition, commit, load
from triptych.pipelines.engines.shuffle import Scatter, bucket_key
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

SCHEMA = pa.schema([("id", pa.binary(16)), ("key", pa.uint64())])


@pytest.fixture
def mailbox(tmp_path: Path) -> BeamResults:
    mailbox = BeamResults(Store(str(tmp_path)), "_work/beam/one")
    mailbox.post([])  # its folder is there only then
    return mailbox


def test_split_rows_that_are_grouped_are_those_of_the_bucket(mailbox: BeamResults) -> None:
    draw, store = random.Random(1), mailbox.store
    rows: list[dict[str, Any]] = []
    split = Split(mailbox, Scatter("key", 4), frozenset({1}))
    pieces: dict[int, list[Any]] = {}
    for number in range(3):
        # key 3 never occurs, so a bucket is empty
        mine = [{"id": draw.randbytes(16), "key": draw.choice([0, 1, 2, 4, 6])} for _ in range(20)]
        commit(store, f"{number}", Outcome(pa.Table.from_pylist(mine, SCHEMA), DROPPED.empty_table()))
        rows += mine
        part = Partition(str(number), ((str(number), None),), 20)
        for bucket, piece in split((0, ((number,), part))):
            pieces.setdefault(bucket, []).append(piece)
    assert pieces.keys() == {0, 2}
    task = CarryOut(mailbox, 7, MeasuredTask(CarryBucket(store, Scatter("key", 4), "origin")), place_of_bucket)
    task.start_bundle()
    for bucket, arrived in pieces.items():
        ((place, part),) = task.process((bucket, arrived[::-1]))
        assert (place, part.key, part.sort_by) == ((bucket,), bucket_key("origin", bucket), "key")
        expected = sorted((row for row in rows if row["key"] % 4 == bucket), key=lambda row: (row["key"], row["id"]))
        assert load(store, part).to_pylist() == expected
        assert part.rows == len(expected)
    task.finish_bundle()
    events = list(mailbox.results())
    assert {(event.step, event.place, event.results[0].rows) for event in events} == {
        (7, (bucket,), sum(row["key"] % 4 == bucket for row in rows)) for bucket in pieces
    }


def test_a_failure_is_kept_for_the_driver(mailbox: BeamResults) -> None:
    def fail(element: Any) -> Any:
        raise KeyError(element)

    task = CarryOut(mailbox, 0, MeasuredTask(fail), place_of_bucket)
    task.start_bundle()
    with pytest.raises(KeyError):
        list(task.process((3, ())))
    assert isinstance(mailbox.failure(), KeyError)


@pytest.mark.parametrize("masks", [False, True])
def test_a_bucket_that_is_empty_counts_in_keys_but_not_in_those_of_masks(masks: bool) -> None:
    part, bucket = Partition("part", (("part.arrow", None),), 5), Partition("bucket", (("b.arrow", None),), 2)
    join = Join(masks, "origin")
    ((place, with_it),) = join((1, [("part", ((4,), part)), ("beside", ((1,), bucket))]))
    assert (place, with_it.beside) == ((4,), (bucket,))
    ((_, without),) = join((1, [("part", ((4,), part))]))
    assert [other.key for other in without.beside] == ([] if masks else [bucket_key("origin", 1)])
