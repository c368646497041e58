import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.pack.best_fit import best_fit_decreasing

CAPACITY = 24
many = st.lists(st.integers(1, CAPACITY), max_size=60)


def first_fit(lengths: list[int]) -> int:
    """Rows that placing samples in the order given takes, each in the first row with room."""
    rooms: list[int] = []
    for length in lengths:
        at = next((i for i, room in enumerate(rooms) if room >= length), None)
        if at is None:
            rooms.append(CAPACITY - length)
        else:
            rooms[at] -= length
    return len(rooms)


def naive(lengths: list[int]) -> tuple[list[int], int]:
    """Best-fit decreasing one sample at a time: the tightest row, of equals the one that came to its room first."""
    rooms: list[tuple[int, int]] = []  # of each row: room, and when it came to it
    row = [0] * len(lengths)
    for turn, sample in enumerate(sorted(range(len(lengths)), key=lambda i: -lengths[i])):
        fitting = [i for i, (room, _) in enumerate(rooms) if room >= lengths[sample]]
        at = min(fitting, key=lambda i: rooms[i], default=len(rooms))
        if at == len(rooms):
            rooms.append((CAPACITY, turn))
        row[sample] = at
        rooms[at] = (rooms[at][0] - lengths[sample], turn)
    return row, len(rooms)


@given(many)
def test_every_sample_is_placed_once_and_none_overlap(lengths: list[int]) -> None:
    row, start, rows = best_fit_decreasing(lengths, CAPACITY)
    cells = np.zeros((rows, CAPACITY), np.int64)
    for at, begin, length in zip(row, start, lengths, strict=True):
        assert begin + length <= CAPACITY
        cells[at, begin : begin + length] += 1
    assert cells.max(initial=0) <= 1
    assert cells.sum() == sum(lengths)
    # rows fill from their start and none is empty
    assert (np.diff(cells, axis=1) <= 0).all()
    assert (cells[:, :1] == 1).all()


@given(many)
def test_it_is_best_fit_decreasing_sample_by_sample(lengths: list[int]) -> None:
    row, _, rows = best_fit_decreasing(lengths, CAPACITY)
    expected, expected_rows = naive(lengths)
    assert rows == expected_rows

    def contents(rows_of: list[int]) -> list[list[int]]:
        groups: dict[int, list[int]] = {}
        for at, length in zip(rows_of, lengths, strict=True):
            groups.setdefault(at, []).append(length)
        return sorted(sorted(group) for group in groups.values())

    assert contents(row.tolist()) == contents(expected)


@given(many, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_changes_no_row(lengths: list[int], draw: object) -> None:
    order = list(range(len(lengths)))
    draw.shuffle(order)  # type: ignore[attr-defined]
    row, start, rows = best_fit_decreasing(lengths, CAPACITY)
    shuffled = best_fit_decreasing([lengths[i] for i in order], CAPACITY)
    assert shuffled[2] == rows
    places = sorted(zip(row.tolist(), start.tolist(), lengths, strict=True))
    assert sorted(zip(shuffled[0].tolist(), shuffled[1].tolist(), [lengths[i] for i in order], strict=True)) == places


@given(many)
def test_ties_go_to_the_lower_index(lengths: list[int]) -> None:
    row, start, _ = best_fit_decreasing(lengths, CAPACITY)
    again = best_fit_decreasing(lengths, CAPACITY)
    assert row.tolist() == again[0].tolist()
    for length in set(lengths):
        mine = [i for i, other in enumerate(lengths) if other == length]
        places = [(row[i], start[i]) for i in mine]
        if all(row[i] == row[mine[0]] for i in mine):
            assert places == sorted(places)


def test_it_takes_no_more_rows_than_first_fit_on_what_corpora_look_like() -> None:
    draw = np.random.default_rng(0)
    for _ in range(40):
        lengths = np.clip(draw.lognormal(1.8, 0.8, 300), 1, CAPACITY).astype(int).tolist()
        assert best_fit_decreasing(lengths, CAPACITY)[2] <= first_fit(lengths)


def test_a_million_of_one_length_and_their_fillers() -> None:
    lengths = np.concatenate([np.full(700_000, 15), np.full(300_000, 9)])
    row, _, rows = best_fit_decreasing(lengths, CAPACITY)
    assert rows == 700_000
    assert np.bincount(row).max() == 2


@pytest.mark.parametrize("lengths", [[0], [CAPACITY + 1], [3, -1]])
def test_what_fits_no_row_is_an_error(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match=r"do not fit rows of 1\.\.24"):
        best_fit_decreasing(lengths, CAPACITY)


def test_nothing_takes_no_row() -> None:
    row, start, rows = best_fit_decreasing([], CAPACITY)
    assert (row.size, start.size, rows) == (0, 0, 0)
