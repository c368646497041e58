"""Shares hold at every place of the mix, and a position's stream is a function of the position alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.train.data.mix import UNITS, apportion, assign_streams, rows_per_stream

WEIGHTS = st.lists(st.floats(1e-4, 1e4), min_size=1, max_size=40)


@given(weights=WEIGHTS)
def test_units_are_the_shares_to_one_unit(weights: list[float]) -> None:
    units = apportion(weights)
    assert units.sum() == UNITS
    assert units.min() >= 1
    if min(weights) / sum(weights) >= 1 / UNITS:
        assert np.abs(units - np.array(weights) / sum(weights) * UNITS).max() < 1


def test_shares_too_small_for_a_unit_get_one() -> None:
    units = apportion([1.0, 1e-9, 1e-12])
    assert units.tolist() == [UNITS - 2, 1, 1]


@given(weights=WEIGHTS, start=st.integers(0, 10**12))
def test_any_ten_thousand_rows_hold_the_shares(weights: list[float], start: int) -> None:
    units = apportion(weights)
    stream, _ = assign_streams(np.arange(start, start + 10_000), units)
    got = np.bincount(stream, minlength=len(weights)) / 10_000
    assert np.abs(got - units / UNITS).max() <= 0.001


@given(weights=WEIGHTS, start=st.integers(0, 10**12))
def test_rows_of_a_stream_follow_one_another_and_are_counted(weights: list[float], start: int) -> None:
    units = apportion(weights)
    stream, index = assign_streams(np.arange(start, start + 500), units)
    first, last = rows_per_stream(start, units), rows_per_stream(start + 500, units)
    assert first.sum() == start
    for number in range(len(weights)):
        assert index[stream == number].tolist() == list(range(first[number], last[number]))


@pytest.mark.parametrize("streams", [1, 2, 3, 7, 64, 1000])
def test_a_stream_is_off_by_half_a_row_a_halving(streams: int) -> None:
    units = apportion(np.random.default_rng(streams).exponential(size=streams))
    halvings = int(np.ceil(np.log2(streams)))
    for rows in (1, 17, 999, 123_457, 10**11):
        assert np.abs(rows_per_stream(rows, units) - rows * units / UNITS).max() <= halvings / 2


def test_positions_may_be_asked_in_any_order() -> None:
    units = apportion([0.5, 0.3, 0.2])
    positions = np.random.default_rng(0).integers(0, 10**9, 1000)
    stream, index = assign_streams(positions, units)
    for position in (0, 500, 999):
        alone = assign_streams([int(positions[position])], units)
        assert (int(alone[0][0]), int(alone[1][0])) == (int(stream[position]), int(index[position]))
