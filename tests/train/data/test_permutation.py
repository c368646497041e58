"""A keyed permutation is a bijection for every size and key, and looks like one drawn at random."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.hashing import mix64
from triptych.train.data.permutation import derive, permute

KEYS = st.integers(0, 2**64 - 1)


@given(size=st.integers(1, 3000), key=KEYS)
def test_every_size_and_key_gives_a_bijection(size: int, key: int) -> None:
    assert np.array_equal(np.sort(permute(np.arange(size), size, np.uint64(key))), np.arange(size))


@given(size=st.integers(1, 2**42), key=KEYS, data=st.data())
def test_large_sizes_stay_in_range_and_apart(size: int, key: int, data: st.DataObject) -> None:
    index = np.array(sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=50))))
    image = permute(index, size, np.uint64(key))
    assert ((image >= 0) & (image < size)).all()
    assert len(set(image.tolist())) == len(index)


def test_elements_may_be_of_different_permutations() -> None:
    sizes, keys = np.array([5, 1000, 7, 10**9]), np.array([1, 2, 3, 4], np.uint64)
    together = permute(np.array([4, 17, 0, 10**8]), sizes, keys)
    alone = [int(permute([i], n, k)[0]) for i, n, k in zip([4, 17, 0, 10**8], sizes, keys, strict=True)]
    assert together.tolist() == alone


def test_all_orders_of_a_few_are_equally_likely() -> None:
    orders = Counter(tuple(permute(np.arange(4), 4, derive(key, 0)).tolist()) for key in range(4800))
    assert len(orders) == 24
    # 23 degrees of freedom: beyond 49.7 in one of a thousand
    assert sum((count - 200) ** 2 / 200 for count in orders.values()) < 49.7


@pytest.mark.parametrize("size", [1000, 4099, 65536])
def test_a_permutation_has_no_memory_of_its_order(size: int) -> None:
    images = np.array([permute(np.arange(size), size, derive(key, 1)) for key in range(20)])
    fixed = (images == np.arange(size)).sum(1)
    assert 0.3 < fixed.mean() < 2  # one is expected
    neighbours = [np.corrcoef(image[:-1], image[1:])[0, 1] for image in images]
    assert abs(np.mean(neighbours)) < 4 / np.sqrt(20 * size)
    assert abs(np.corrcoef(images[0], images[1])[0, 1]) < 4 / np.sqrt(size)
    # where the first tenth goes is spread over all tenths
    tenths = np.histogram(images[:, : size // 10], bins=10, range=(0, size))[0]
    expected = tenths.sum() / 10
    assert ((tenths - expected) ** 2 / expected).sum() < 27.9  # 9 degrees of freedom, one of a thousand


def test_one_flipped_bit_flips_half_of_them() -> None:
    words = np.arange(1, 2001, dtype=np.uint64)
    for bit in (0, 17, 63):
        changed = mix64(words) ^ mix64(words ^ np.uint64(1 << bit))
        assert abs(np.bitwise_count(changed).mean() - 32) < 0.5


def test_the_values_stay_what_they_are() -> None:
    # a stream's order is part of what a checkpoint resumes: it may not change between versions
    assert permute(np.arange(10), 10, np.uint64(2026)).tolist() == [6, 0, 4, 2, 3, 5, 7, 9, 8, 1]
