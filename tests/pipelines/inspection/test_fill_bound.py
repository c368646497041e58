"""The bound on the fill of rows: never below what a packing reaches, and tight where it can be known."""

import random
from collections import Counter

import numpy as np
import pytest

from triptych.pipelines.inspection.fill_bound import fill_bound, least_rows
from triptych.pipelines.pack.best_fit import best_fit_decreasing


def fewest(lengths: list[int], capacity: int) -> int:
    """The fewest rows, by trying all packings."""
    lengths = sorted(lengths, reverse=True)
    best = len(lengths)

    def place(at: int, rooms: list[int]) -> None:
        nonlocal best
        if len(rooms) >= best:
            return
        if at == len(lengths):
            best = len(rooms)
            return
        for room in dict.fromkeys(rooms):
            if room >= lengths[at]:
                left = list(rooms)
                left[left.index(room)] = room - lengths[at]
                place(at + 1, left)
        place(at + 1, [*rooms, capacity - lengths[at]])

    place(0, [])
    return best


def test_the_bound_never_exceeds_the_fewest_rows_and_mostly_meets_them() -> None:
    draw = random.Random(0)
    met = 0
    for _ in range(300):
        capacity = draw.randint(2, 20)
        low = draw.randint(1, capacity)
        lengths = [draw.randint(low, capacity) for _ in range(draw.randint(1, 8))]
        bound, truth = least_rows(Counter(lengths), capacity), fewest(lengths, capacity)
        assert bound <= truth, (lengths, capacity)
        assert bound >= -(-sum(lengths) // capacity)
        met += bound == truth
    assert met > 270


@pytest.mark.parametrize(
    ("counts", "row_length", "rows"),
    [
        ({60: 10}, 100, 10),  # longer than half a row
        ({60: 10, 40: 4}, 100, 10),
        ({60: 10, 41: 4}, 100, 12),  # none fits beside, two fit in a row
        ({34: 9}, 100, 5),  # two in a row
        ({276: 140}, 4096, 10),  # fourteen in a row
        ({100: 3}, 100, 3),
        ({}, 100, 0),
    ],
)
def test_the_fewest_rows_where_they_are_known(counts: dict[int, int], row_length: int, rows: int) -> None:
    assert least_rows(counts, row_length) == rows


def test_documents_longer_than_half_a_row_leave_the_rest_of_it_empty() -> None:
    lengths = np.random.default_rng(0).integers(2100, 4097, 5000)
    total = int(lengths.sum())
    assert fill_bound(Counter(lengths.tolist()), 4096) == total / (5000 * 4096)
    *_, rows = best_fit_decreasing(lengths, 4096)
    assert rows == 5000
    assert fill_bound({}, 4096) == 0
