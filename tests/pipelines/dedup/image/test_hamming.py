"""No pair within the radius is missed, none beyond it is found, and crowds stay cheap."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from triptych.pipelines.dedup.image.hamming import (
    CLOSEST,
    CROWD,
    blocks_of,
    hamming_keys,
    hamming_pairs,
    is_crowded,
    is_first_shared_key,
)

Hashes = npt.NDArray[np.uint64]
Pairs = set[tuple[int, int]]


def found(hashes: Hashes, radius: int) -> Pairs:
    """Pairs of indices as the stages find them: keys, sorted, then pairs under one key."""
    owner, key = hamming_keys(hashes, radius)
    order = np.argsort(key, kind="stable")
    owner = owner[order]
    left, right = hamming_pairs(key[order], hashes[owner], radius)
    assert (left < right).all()
    new = is_first_shared_key(key[order][left], hashes[owner[left]] ^ hashes[owner[right]], radius)
    ends = np.sort(np.stack([owner[left], owner[right]]), axis=0)
    once = list(zip(*ends[:, new].tolist(), strict=True))
    assert len(once) == len(set(once))
    assert set(once) == set(zip(*ends.tolist(), strict=True))
    return set(once)


def within(hashes: Hashes, radius: int) -> Pairs:
    distance = np.bitwise_count(hashes[:, None] ^ hashes[None])
    left, right = np.nonzero(np.triu(distance <= radius, 1))
    return set(zip(left.tolist(), right.tolist(), strict=True))


def planted(centres: int, copies: int, flips: int, seed: int) -> Hashes:
    """Random hashes, and copies of them with up to `flips` bits changed."""
    draw = np.random.default_rng(seed)
    base = draw.integers(0, 1 << 64, centres, np.uint64, endpoint=False)
    hashes = [base]
    for _ in range(copies):
        copy = base.copy()
        for _ in range(flips):
            copy ^= np.where(draw.random(centres) < 0.7, np.uint64(1) << draw.integers(0, 64, centres, np.uint64), 0)
        hashes.append(copy)
    return np.concatenate(hashes)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.integers(0, 10), st.integers(0, 1 << 32))
def test_all_pairs_within_the_radius_are_found_and_no_others(radius: int, flips: int, seed: int) -> None:
    hashes = np.unique(planted(12, 4, flips, seed))
    assert found(hashes, radius) == within(hashes, radius)


@pytest.mark.parametrize("radius", range(13))
def test_differences_may_lie_anywhere(radius: int) -> None:
    draw = np.random.default_rng(radius)
    for far in (radius, radius + 1):
        for _ in range(50):
            places = draw.choice(64, far, replace=False).astype(np.uint64)
            other = np.bitwise_or.reduce(np.uint64(1) << places) if far else np.uint64(0)
            hashes = np.array([0, other], np.uint64) ^ draw.integers(0, 1 << 64, dtype=np.uint64, endpoint=False)
            assert found(hashes, radius) == ({(0, 1)} if far == radius else set())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 8), st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(0, 1 << 32))
def test_crowds_are_joined_as_by_brute_force(radius: int, sizes: list[int], seed: int) -> None:
    centres = planted(len(sizes), 2, 3, seed)
    hashes = np.repeat(centres, np.tile(sizes, 3))
    np.random.default_rng(seed).shuffle(hashes)

    def labels(pairs: Pairs) -> list[int]:
        ends = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(hashes),) * 2)
        of_hash: list[int] = connected_components(graph, directed=False)[1].tolist()
        return of_hash

    pairs = found(hashes, radius)
    assert pairs <= within(hashes, radius)
    assert labels(pairs) == labels(within(hashes, radius))


def test_a_crowd_of_equal_hashes_costs_linear_time_and_few_pairs() -> None:
    crowd = np.full(20_000, 12345, np.uint64)
    key = np.zeros(len(crowd) + 2, np.uint64)
    left, _ = hamming_pairs(key, np.r_[crowd, np.uint64(12344), np.uint64(0)], 6)
    assert len(left) < 18 * len(crowd)


def test_few_of_all_pairs_are_compared() -> None:
    hashes = planted(20_000, 0, 0, 1)
    _, key = hamming_keys(hashes, 6)
    _, counts = np.unique(key, return_counts=True)
    assert (counts * (counts - 1) // 2).sum() < 0.001 * len(hashes) ** 2 / 2


def test_keys_are_few_and_long() -> None:
    assert blocks_of(0) == (1, 1)
    assert blocks_of(3) == (4, 1)
    assert blocks_of(6) == (8, 2)
    for radius in range(13):
        blocks, agreeing = blocks_of(radius)
        assert blocks - radius == agreeing


def test_nothing_in_gives_nothing() -> None:
    owner, key = hamming_keys(np.zeros(0, np.uint64), 6)
    assert len(owner) == len(key) == 0
    left, right = hamming_pairs(key, key, 6)
    assert len(left) == len(right) == 0


def test_a_crowd_of_different_hashes_costs_linear_work_and_few_pairs() -> None:
    draw = np.random.default_rng(3)
    bits = np.uint64(1) << draw.integers(0, 64, (2, 6 * CROWD), np.uint64)
    crowd = np.unique(bits[0] | bits[1])  # all within 4 bits of each other
    key = np.zeros(len(crowd), np.uint64)
    assert is_crowded(key, crowd).all()
    left, right = hamming_pairs(key, crowd, 6)
    assert len(left) <= 2 * CLOSEST * len(crowd)
    assert (np.bitwise_count(crowd[left] ^ crowd[right]) <= 6).all()
    assert (np.bincount(np.r_[left, right], minlength=len(crowd)) >= CLOSEST).all()
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(len(crowd),) * 2)
    assert connected_components(graph, directed=False)[0] == 1


def test_a_crowd_does_not_depend_on_the_order_of_its_entries() -> None:
    draw = np.random.default_rng(4)
    bits = np.uint64(1) << draw.integers(0, 64, (2, 3 * CROWD), np.uint64)
    crowd = np.unique(bits[0] | bits[1])
    found = []
    for order in (np.arange(len(crowd)), draw.permutation(len(crowd))):
        left, right = hamming_pairs(np.zeros(len(crowd), np.uint64), crowd[order], 6)
        ends = np.sort(np.stack([crowd[order][left], crowd[order][right]]), axis=0)
        found.append(set(zip(*ends.tolist(), strict=True)))
    assert found[0] == found[1]


def test_as_many_as_a_crowd_of_equal_hashes_are_none() -> None:
    key = np.r_[np.zeros(2 * CROWD, np.uint64), np.ones(CROWD + 2, np.uint64), np.full(CROWD + 1, 2, np.uint64)]
    hashes = np.r_[np.zeros(2 * CROWD), np.arange(CROWD + 2), np.arange(CROWD + 1)].astype(np.uint64)
    assert is_crowded(key, hashes).tolist() == [False] * 2 * CROWD + [True] * (CROWD + 2) + [False] * (CROWD + 1)
    assert not len(is_crowded(key[:0], hashes[:0]))
