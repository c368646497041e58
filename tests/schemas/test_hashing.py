"""The finaliser of SplitMix64: known values, and a permutation that leaves its argument alone."""

import numpy as np

from triptych.schemas.hashing import GOLDEN, mix64


def test_the_first_numbers_of_splitmix64_with_seed_0() -> None:
    states = (np.arange(1, 4, dtype=np.uint64)) * np.uint64(GOLDEN)
    assert [f"{value:016x}" for value in mix64(states).tolist()] == [
        "e220a8397b1dcdaf",
        "6e789e6aa1b965f4",
        "06c45d188009454f",
    ]


def test_different_numbers_stay_different_and_the_argument_is_not_changed() -> None:
    values = np.arange(100_000, dtype=np.uint64)
    assert len(np.unique(mix64(values))) == len(values)
    assert (values == np.arange(100_000)).all()
