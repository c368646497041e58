"""The order of a run's rows: every row once an epoch, shuffled, and cheap to find at any position of any size."""

import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from triptych.train.data.mix import UNITS, apportion
from triptych.train.data.plan import Plan
from triptych.train.data.row_order import SPREAD, RowOrder


def synthetic(rows: list[int], shard_rows: int, weights: list[float] | None = None, seed: int = 0) -> Plan:
    """All of a plan that an order is a function of, for datasets that nobody could store."""
    streams = []
    for number, count in enumerate(rows):
        sizes = [shard_rows] * (count // shard_rows) + [count % shard_rows] * bool(count % shard_rows)
        shards = SimpleNamespace(rows=np.array(sizes, np.int64), ends=np.cumsum(sizes, dtype=np.int64))
        streams.append(SimpleNamespace(fingerprint=f"f{number}", group="g", rows=count, shards=shards))
    first = np.concatenate([[0], np.cumsum(rows)])
    units = apportion(weights or [1.0] * len(rows))
    return cast(Plan, SimpleNamespace(seed=seed, units=units, streams=streams, first_rows=first))


@pytest.mark.parametrize("shard_rows", [1, 7, 40, 5000])
def test_every_row_comes_once_an_epoch(shard_rows: int) -> None:
    plan = synthetic([500, 31, 1200], shard_rows, [1, 0.1, 2])
    at = RowOrder(plan).locate(np.arange(12_000))
    starts = np.concatenate([[0], np.cumsum(np.concatenate([stream.shards.rows for stream in plan.streams]))])
    assert np.array_equal(starts[at.shard] + at.row, at.number)
    for low, high in zip(plan.first_rows[:-1].tolist(), plan.first_rows[1:].tolist(), strict=True):
        mine = (at.number >= low) & (at.number < high)
        epochs = at.epoch[mine]
        assert np.array_equal(epochs, np.sort(epochs))
        orders = [at.number[mine][epochs == epoch] for epoch in range(epochs.max())]
        assert orders
        assert all(np.array_equal(np.sort(order), np.arange(low, high)) for order in orders)
        assert not any(np.array_equal(one, other) for one, other in pairwise(orders))


def test_an_order_is_of_the_seed_the_dataset_and_the_group() -> None:
    def numbers(plan: Plan) -> list[int]:
        order: list[int] = RowOrder(plan).locate(np.arange(100)).number.tolist()
        return order

    one = synthetic([1000], 50)
    assert numbers(one) == numbers(synthetic([1000], 50))
    other: Any = synthetic([1000], 50)
    other.streams[0].group = "h"
    changed: Any = synthetic([1000], 50)
    changed.streams[0].fingerprint = "x"
    assert len({tuple(numbers(plan)) for plan in (one, other, changed, synthetic([1000], 50, seed=1))}) == 4


def test_rows_are_spread_over_shards_and_shards_over_the_epoch() -> None:
    plan = synthetic([64_000], 1000)
    at = RowOrder(plan).locate(np.arange(64_000))
    assert all(len(set(at.shard[low : low + 1000].tolist())) == SPREAD for low in range(0, 64_000, 1000))
    assert abs(np.corrcoef(at.number[:-1], at.number[1:])[0, 1]) < 0.5  # windows have shards from everywhere
    inside = at.row[:16_000]
    assert abs(np.corrcoef(inside[:-1], inside[1:])[0, 1]) < 0.05


def test_shards_are_known_ahead() -> None:
    order = RowOrder(synthetic([900, 400, 40], 10))
    for position in range(0, 5000, 97):
        now, later = order.upcoming_shards(position)
        assert set(order.locate(np.arange(position, position + 30)).shard.tolist()) <= {*now, *later}
        assert len(now) <= 3 * SPREAD
        assert order.locate([position]).shard[0] in now


def test_blocks_give_what_positions_do() -> None:
    order = RowOrder(synthetic([900, 400], 10))
    for start, stop in ((0, 10), (4000, 4200), (4096, 8192), (100, 9000)):
        for one, other in zip(order.between(start, stop), order.locate(np.arange(start, stop)), strict=True):
            assert np.array_equal(one, other)


def test_a_billion_rows_are_found_at_once() -> None:
    plan = synthetic([700_000_000, 200_000_000, 100_000_000], 6400, [1, 1, 1])
    began = time.process_time()
    order = RowOrder(plan)
    at = order.between(5_000_000_000, 5_000_000_064)
    assert time.process_time() - began < 1
    assert at.epoch.max() == 16
    assert (plan.units * 3 == UNITS).sum() == 0  # a third is no whole number of units, and shares still hold
    again = RowOrder(plan).locate(np.arange(5_000_000_000, 5_000_000_064))
    assert np.array_equal(at.number, again.number)


def test_shares_hold_in_any_window_of_a_real_plan(dataset: Path, workshop: Any) -> None:
    entries = [
        {"path": str(dataset), "weight": weight, "modality": kind}
        for kind, weight in (("text", 5), ("image-text", 3), ("audio-text", 2))
    ]
    plan = workshop.plan(*entries, steps=1)
    order, shards = RowOrder(plan), workshop.shards(plan)
    first = np.concatenate([[0], np.cumsum([len(stream.shards) for stream in plan.streams])])
    filled = [np.count_nonzero(shards.open(number).segment, axis=1) for number in range(first[-1])]
    for start in (0, 123_456, 10**9 + 7):
        at = order.locate(np.arange(start, start + 10_000))
        stream = np.searchsorted(first, at.shard, side="right") - 1
        tokens = np.array([filled[shard][row] for shard, row in zip(at.shard.tolist(), at.row.tolist(), strict=True)])
        share = np.bincount(stream, tokens) / tokens.sum()
        assert np.abs(share - [0.5, 0.3, 0.2]).max() < 0.001
