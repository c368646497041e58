"""Candidates of a key: its entries with the first and the next few, each pair once, never quadratically many."""

from itertools import combinations

import numpy as np

from triptych.pipelines.dedup.protocol import WINDOW, window_pairs


def expected(key: list[int], window: int) -> list[tuple[int, int]]:
    return sorted(
        (left, right)
        for left, right in combinations(range(len(key)), 2)
        if key[left] == key[right] and (right - left <= window or left == key.index(key[right]))
    )


def test_pairs_are_those_of_the_definition() -> None:
    draw = np.random.default_rng(0)
    for _ in range(60):
        window = int(draw.integers(1, 5))
        key = np.sort(draw.integers(0, 6, draw.integers(0, 30))).astype(np.uint64)
        left, right = window_pairs(key, window)
        found = sorted(zip(left.tolist(), right.tolist(), strict=True))
        assert found == expected(key.tolist(), window)


def test_a_small_group_is_compared_in_full_and_a_large_one_is_not() -> None:
    for size in (WINDOW + 1, 10 * WINDOW):
        left, _ = window_pairs(np.zeros(size, np.uint64))
        # with each of the window before it, or with all before it; beyond the window also with the first
        assert len(left) == sum(min(at, WINDOW) + (at > WINDOW) for at in range(size))
    assert len(window_pairs(np.zeros(WINDOW + 1, np.uint64))[0]) == WINDOW * (WINDOW + 1) // 2


def test_different_keys_have_no_pairs() -> None:
    for count in (0, 1, 40):
        left, right = window_pairs(np.arange(count, dtype=np.uint64))
        assert len(left) == len(right) == 0
