"""Held out by document: never on both sides, whatever holds it; and packed for validation without loss or change."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.vocabulary import Kind
from triptych.train.data.collate import Rows, gather, keep_segments
from triptych.train.data.plan import Plan
from triptych.train.data.row_order import RowOrder
from triptych.train.data.shards import Shards
from triptych.train.data.split import is_held_out
from triptych.train.data.validation import first_fit, validation_batches

LENGTHS = st.lists(st.integers(2, 64), min_size=1, max_size=60)


@pytest.fixture
def plan(dataset: Path, workshop: Any) -> Plan:
    made: Plan = workshop.plan({"path": str(dataset), "weight": 1}, steps=40, validation=0.2)
    return made


def everything(plan: Plan, shards: Shards) -> Rows:
    """Every row of the plan once."""
    at = RowOrder(plan).locate(np.arange(3 * int(plan.first_rows[-1])))
    _, first = np.unique(at.number, return_index=True)
    return gather(shards, type(at)(*(column[first] for column in at)))


def contents(rows: Rows, chosen: np.ndarray) -> set[tuple[bytes, int, bytes]]:
    """Document, length and tokens of segments."""
    found = set()
    for segment in np.flatnonzero(chosen).tolist():
        start, length = (int(rows.columns[name][segment]) for name in ("start", "length"))
        tokens = rows.tokens[rows.row[segment], start : start + length].tobytes()
        found.add((rows.document[segment].tobytes(), length, tokens))
    return found


def test_no_document_is_on_both_sides_though_rows_share_them(plan: Plan, workshop: Any) -> None:
    rows = everything(plan, workshop.shards(plan))
    out = is_held_out(rows.document, 0.2)
    documents = np.array([document.tobytes() for document in rows.document])
    assert not set(documents[out]) & set(documents[~out])
    assert len(set(documents)) < len(documents)  # some lie in several segments
    sides = [np.bincount(rows.row[side], minlength=len(rows.number)) for side in (out, ~out)]
    assert (sides[0] * sides[1]).any()  # and some rows hold documents of both sides


def test_the_share_is_met_and_nested(plan: Plan) -> None:
    ids = np.random.default_rng(0).integers(0, 2**63, (100_000, 2), dtype=np.uint64)
    shares = [is_held_out(ids, share) for share in (0.0, 0.01, 0.02, 0.5)]
    assert [mask.mean() for mask in shares] == pytest.approx([0, 0.01, 0.02, 0.5], abs=0.005)
    assert not (shares[1] & ~shares[2]).any()
    # dealing to shards looks at ids too, and must not draw the same documents
    dealt = [is_held_out(ids[ids[:, 0] % 4 == shard], 0.02).mean() for shard in range(4)]
    assert dealt == pytest.approx([0.02] * 4, abs=0.005)


def test_the_split_does_not_change_between_versions() -> None:
    ids = np.arange(40, dtype=np.uint64).reshape(-1, 2)
    assert np.flatnonzero(is_held_out(ids, 0.3)).tolist() == [0, 1, 3, 6, 8, 9, 13, 18, 19]


def test_validation_rows_hold_each_held_out_segment_once_and_nothing_else(plan: Plan, workshop: Any) -> None:
    shards = workshop.shards(plan)
    rows = everything(plan, shards)
    wanted = contents(rows, is_held_out(rows.document, 0.2))
    (micro,) = validation_batches(plan, shards, most=10_000)
    batch = micro.batch
    found = set()
    for segment, (row, start, length) in enumerate(zip(batch.row_S, batch.start_S, batch.length_S, strict=True)):
        tokens = batch.tokens_BL[row, start : start + length].numpy().astype(rows.tokens.dtype).tobytes()
        found.add((int(length), tokens))
        assert (batch.segment_BL[row, start : start + length] == batch.number_S[segment]).all()
    assert found == {(length, tokens) for _, length, tokens in wanted}
    assert len(batch.row_S) == len(wanted)
    assert int((batch.segment_BL > 0).sum()) == int(batch.length_S.sum())
    assert int(batch.row_B.min()) == plan.first_rows[-1]
    assert set(batch.kind_S.tolist()) == {Kind.TEXT.code, Kind.IMAGE_TEXT.code, Kind.AUDIO_TEXT.code}


@pytest.mark.parametrize(("world", "micro"), [(1, 2), (2, 3), (3, None), (8, 1)])
def test_processes_share_the_rows_and_have_as_many_batches(
    plan: Plan, workshop: Any, world: int, micro: int | None
) -> None:
    shards = workshop.shards(plan)
    (whole,) = validation_batches(plan, shards, most=4)
    parts = [validation_batches(plan, shards, 4, rank=rank, world=world, micro_rows=micro) for rank in range(world)]
    assert len({tuple(len(one.batch.tokens_BL) for one in part) for part in parts}) == 1
    rows = [row for part in parts for one in part for row in one.batch.tokens_BL.tolist()]
    assert rows[: len(whole.batch.tokens_BL)] == whole.batch.tokens_BL.tolist()
    assert not any(any(row) for row in rows[len(whole.batch.tokens_BL) :])
    places = [place for part in parts for one in part for place in one.placement.index_B.tolist()]
    assert places == list(range(len(rows)))
    assert {one.placement.rows for part in parts for one in part} == {len(whole.batch.tokens_BL)}


def test_rows_are_at_most_so_many_of_a_stream(plan: Plan, workshop: Any) -> None:
    (micro,) = validation_batches(plan, workshop.shards(plan), most=2)
    assert len(micro.batch.tokens_BL) == 2 * len(plan.streams)
    assert (micro.batch.segment_BL > 0).float().mean() > 0.9


def test_what_is_drawn_is_no_longer_than_the_rest(plan: Plan, workshop: Any) -> None:
    shards = workshop.shards(plan)
    (micro,), (every,) = (validation_batches(plan, shards, most=most) for most in (2, 10_000))
    text = [batch.length_S[batch.kind_S == Kind.TEXT.code].float() for batch in (micro.batch, every.batch)]
    assert len(text[0]) < len(text[1]) / 2
    error = float(text[1].std()) / len(text[0]) ** 0.5
    assert abs(float(text[0].mean() - text[1].mean())) < 2.5 * error  # the longest were twice as long as the mean


def test_nothing_held_out_is_no_validation(dataset: Path, workshop: Any) -> None:
    plan = workshop.plan({"path": str(dataset), "weight": 1}, steps=1)
    assert validation_batches(plan, workshop.shards(plan), most=5) == []


def test_rows_without_any_segment_left_are_padding(plan: Plan, workshop: Any) -> None:
    rows = gather(workshop.shards(plan), RowOrder(plan).between(0, 4))
    empty = keep_segments(rows, np.zeros(len(rows.row), bool))
    assert not empty.tokens.any()
    assert not empty.segment.any()
    assert len(empty.row) == 0


@given(lengths=LENGTHS, most=st.integers(1, 8))
def test_first_fit_overlaps_nothing_and_leaves_out_only_what_has_no_room(lengths: list[int], most: int) -> None:
    row, start = first_fit(lengths, 64, most, np.random.default_rng(most).permutation(len(lengths)))
    used = np.zeros((most, 64), int)
    for length, at, begin in zip(lengths, row.tolist(), start.tolist(), strict=True):
        if at >= 0:
            used[at, begin : begin + length] += 1
    assert used.max() <= 1
    left_out = [length for length, at in zip(lengths, row.tolist(), strict=True) if at < 0]
    assert not left_out or min(left_out) > (64 - used.sum(1)).max()
