"""A bucket is read as the bytes that belong to it, and as few requests."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from triptych.pipelines.engines.beam_results import BeamResults
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import HEADER_BYTES, Outcome, Partition, commit, load, read_header
from triptych.pipelines.engines.ranges import batches_of, end_of
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.shuffle import Scatter
from triptych.pipelines.engines.steps import Given, Shuffle
from triptych.pipelines.sources.row_ids import row_ids
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

from ...object_store import bucket, s3_server, weather

__all__ = ["bucket", "s3_server", "weather"]
PARTS, ROWS, INTO = 6, 400, 4


def table(seed: int, rows: int = ROWS) -> pa.Table:
    """Rows of all the types that stages shuffle: ids, numbers, lists, nulls, texts."""
    draw = np.random.default_rng(seed)
    return pa.table(
        {
            "id": row_ids(f"file {seed}", np.arange(rows)),
            "key": pa.array(draw.integers(0, 1 << 40, rows), pa.uint64()),
            "codes": pa.array([draw.integers(0, 99, draw.integers(0, 300)).tolist() for _ in range(rows)]),
            "text": pa.array([None if at % 7 == 0 else "ü" * (at % 50) for at in range(rows)]),
            "first": pa.array(draw.integers(0, 2, rows).astype(bool)),
        }
    )


def parts(store: Store) -> list[Partition]:
    made = []
    for number in range(PARTS):
        commit(store, f"{number}.arrow", Outcome(table(number), DROPPED.empty_table()))
        made.append(Partition(str(number), ((f"{number}.arrow", None),), ROWS))
    return made


def expected(bucket_number: int) -> list[dict[str, Any]]:
    rows = [row for number in range(PARTS) for row in table(number).to_pylist() if row["key"] % INTO == bucket_number]
    return sorted(rows, key=lambda row: (row["key"], row["id"]))


def shuffled(store: Store, given: list[Partition]) -> list[Partition]:
    step = Shuffle((Given(given),), "key", INTO)
    return Serial(store, Journal()).run([step])[step]


def test_buckets_on_a_disk_and_in_an_object_store_hold_the_same(bucket: str, tmp_path: Path) -> None:
    for store in (Store(str(tmp_path)), Store(bucket)):
        buckets = shuffled(store, parts(store))
        assert [load(store, part).to_pylist() for part in buckets] == [expected(number) for number in range(INTO)]


def test_little_more_is_fetched_than_what_a_bucket_holds(bucket: str, weather: Any) -> None:
    store = Store(bucket)
    buckets = shuffled(store, parts(store))
    weather.requests = weather.sent = 0
    needed = sum(load(store, part).nbytes for part in buckets)
    assert weather.requests == INTO * (1 + 1 + PARTS)  # the run of entries, the schema, and a piece of each part
    assert weather.sent <= 1.3 * needed


def test_a_partition_is_two_requests(bucket: str, weather: Any) -> None:
    store = Store(bucket)
    (part, *_) = parts(store)
    weather.requests = weather.sent = 0
    assert load(store, part) == table(0)
    assert weather.requests == 2  # its size and its bytes


@pytest.mark.parametrize("note", ["short", "longer than what is read at first"])
def test_a_header_is_one_request_or_two(bucket: str, weather: Any, note: str) -> None:
    store, longer = Store(bucket), note != "short"
    outcome = Outcome(table(0, 2000), DROPPED.empty_table(), note={"x": note * (HEADER_BYTES if longer else 1)})
    committed = commit(store, "a.arrow", outcome)
    weather.requests = weather.sent = 0
    assert read_header(store, "a.arrow").committed("a.arrow") == committed
    assert weather.requests == 1 + longer
    if not longer:
        assert weather.sent <= HEADER_BYTES


def test_the_note_says_where_batches_lie_also_when_it_is_read_from_the_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for rows in (0, 1, ROWS):
        outcome = Scatter("key", INTO).run(table(0, rows))
        committed = commit(store, "a.arrow", outcome)
        note = read_header(store, "a.arrow").note
        assert committed == read_header(store, "a.arrow").committed("a.arrow")
        assert int(batches_of(note)["rows"].sum()) == rows
        end = pa.ipc.MessageReader.open_stream(pa.py_buffer(store.read("a.arrow")[end_of(note) :]))
        with pytest.raises(StopIteration):  # the end of the batches
            end.read_next_message()


def test_parts_with_other_columns_are_no_shuffle(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    given = parts(store)
    commit(store, "0.arrow", Outcome(table(0).drop_columns(["first"]), DROPPED.empty_table()))
    with pytest.raises(ValueError, match="differ in their columns"):
        shuffled(store, given)


def test_a_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    (first, *_) = shuffled(store, parts(store))
    for name in store.names("_work/shuffle"):
        store.write(name, store.read(name)[:3000])
    with pytest.raises(OSError, match="damaged"):
        load(store, first)


def test_work_for_beam_is_taken_from_an_object_store_too(bucket: str) -> None:
    mailbox = BeamResults(Store(bucket), "_work/beam/one")
    assert [mailbox.take(span) for span in mailbox.post(["a", "b", "c"])] == [[(0, "a")], [(1, "b")], [(2, "c")]]
