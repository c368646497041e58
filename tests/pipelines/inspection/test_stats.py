"""The bound beside a dataset's fill is one: no packing does better."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.pipelines.inspection.fill_bound import fill_bound
from triptych.pipelines.pack.best_fit import best_fit_decreasing

CAPACITY = 12


def fewest_rows(lengths: list[int]) -> int:
    """Rows that the best of all packings takes, found by trying all of them."""
    best = len(lengths)

    def place(index: int, rooms: tuple[int, ...]) -> None:
        nonlocal best
        if len(rooms) >= best:
            return
        if index == len(lengths):
            best = len(rooms)
            return
        for at in {room: i for i, room in enumerate(rooms) if room >= lengths[index]}.values():
            place(index + 1, (*rooms[:at], rooms[at] - lengths[index], *rooms[at + 1 :]))
        place(index + 1, (*rooms, CAPACITY - lengths[index]))

    lengths = sorted(lengths, reverse=True)
    place(0, ())
    return best


def histogram(lengths: list[int]) -> dict[int, int]:
    return {length: lengths.count(length) for length in lengths}


@given(st.lists(st.integers(1, CAPACITY), min_size=1, max_size=8))
@settings(max_examples=150)
def test_no_packing_is_fuller_than_the_bound(lengths: list[int]) -> None:
    possible = sum(lengths) / (fewest_rows(lengths) * CAPACITY)
    assert possible <= fill_bound(histogram(lengths), CAPACITY) + 1e-12 <= 1 + 1e-9


@given(st.lists(st.integers(1, 300), min_size=1, max_size=300))
def test_best_fit_stays_below_it(lengths: list[int]) -> None:
    rows = best_fit_decreasing(lengths, 300)[2]
    assert sum(lengths) / (rows * 300) <= fill_bound(histogram(lengths), 300) + 1e-12


@pytest.mark.parametrize(("length", "count", "bound"), [(270, 99, 0.81), (500, 4, 1.0), (501, 4, 0.501)])
def test_pictures_of_one_length_meet_it(length: int, count: int, bound: float) -> None:
    assert fill_bound({length: count}, 1000) == pytest.approx(bound)


def test_nothing_fills_nothing() -> None:
    assert fill_bound({}, 10) == 0.0


def test_longer_rows_waste_less_of_many_pictures() -> None:
    bounds = [fill_bound({260: 1000}, 260 * n + 100) for n in (1, 2, 4, 8)]
    assert all(one < other for one, other in pairwise(bounds))
