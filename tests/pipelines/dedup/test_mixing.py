"""Mixing is the finaliser of SplitMix64: it gives that generator's published numbers, and no two inputs one output."""

import numpy as np

from triptych.pipelines.dedup.mixing import GOLDEN, mix

# the first numbers of SplitMix64 from the seed 1234567, as in https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64
FIRST = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def test_numbers_are_those_of_the_generator() -> None:
    states = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * GOLDEN
    assert mix(states).tolist() == FIRST


def test_different_numbers_stay_different_and_the_input_is_left_as_it_is() -> None:
    values = np.unique(np.random.default_rng(0).integers(0, 1 << 64, 50_000, np.uint64))
    before = values.copy()
    assert len(np.unique(mix(values))) == len(values)
    assert np.array_equal(values, before)


def test_one_changed_bit_changes_half_of_the_bits() -> None:
    values = np.random.default_rng(1).integers(0, 1 << 64, 2000, np.uint64)
    for bit in range(64):
        changed = np.bitwise_count(mix(values) ^ mix(values ^ (np.uint64(1) << np.uint64(bit))))
        assert 30 < changed.mean() < 34
