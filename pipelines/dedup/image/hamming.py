"""Finds pairs of 64-bit hashes within a Hamming distance, without comparing all with all.

The bits are divided into blocks. Hashes that differ in `radius` bits differ in at most that many blocks and agree in
the others, so they share the key of at least one combination of blocks and no pair is missed (Manku, Jain and Sarma
2007, "Detecting near-duplicates for web crawling"; the pigeonhole argument is that of multi-index hashing, Norouzi et
al. 2012, https://arxiv.org/abs/1307.2982).
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from ....schemas.hashing import mix64
from ..protocol import WINDOW, Ints, Keys, window_pairs

BITS = 64
LEAST_KEY_BITS = 16
CHOICE = np.uint64(8)  # bits of a key that number the combination of blocks
CROWD = 512  # different hashes of a key that are all compared with each other
CLOSEST = 32  # in a crowd, the pairs that a hash keeps
# Neighbouring bits of a hash are correlated; with blocks of distant bits, fewer hashes share a key.
STRIDE = 5


def blocks_of(radius: int) -> tuple[int, int]:
    """Return (blocks, agreeing): the number of blocks of bits, and the number of blocks that form a key.

    A key is one block while blocks are long enough to be selective, else two: at radius 6, 28 keys of 16 bits.
    """
    agreeing = 1 if BITS // (radius + 1) >= LEAST_KEY_BITS else 2
    return radius + agreeing, agreeing


def hamming_keys(hashes: Keys, radius: int) -> tuple[Ints, Keys]:
    """Compute a key for every combination of blocks; its top byte is the number of the combination.

    Returns:
        (index of the hash, key), each of n times the number of combinations.
    """
    _, agreeing = blocks_of(radius)
    bits = np.unpackbits(hashes.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    parts = [_number(bits[:, block]) for block in _blocks(radius)]
    keys = []
    for choice, chosen in enumerate(combinations(parts, agreeing)):
        key = np.zeros(len(hashes), np.uint64)
        for part in chosen:
            key = mix64(key ^ part)
        keys.append((key >> CHOICE) | (np.uint64(choice) << (np.uint64(BITS) - CHOICE)))
    return np.tile(np.arange(len(hashes)), len(keys)), np.concatenate(keys)


def is_first_shared_key(key: Keys, differing: Keys, radius: int) -> npt.NDArray[np.bool_]:
    """For pairs under a key: True where it is the first of the keys that the pair shares.

    Similar hashes share most of their keys; with this each pair is taken once.

    Args:
        key: (n,) key of each pair.
        differing: (n,) exclusive or of its two hashes.
        radius: The Hamming distance.
    """
    _, agreeing = blocks_of(radius)
    masks = [np.bitwise_or.reduce(np.uint64(1) << block.astype(np.uint64)) for block in _blocks(radius)]
    first = np.full(len(key), BITS, np.uint64)
    for choice, chosen in reversed(list(enumerate(combinations(masks, agreeing)))):
        first[differing & np.bitwise_or.reduce(chosen) == 0] = choice
    return np.asarray(first == key >> (np.uint64(BITS) - CHOICE))


def _blocks(radius: int) -> list[Ints]:
    """Return the indices of each block's bits."""
    return np.array_split(np.arange(BITS) * STRIDE % BITS, blocks_of(radius)[0])


def hamming_pairs(key: Keys, hashes: Keys, radius: int) -> tuple[Ints, Ints]:
    """Find entries that share a key and are within the radius.

    Groups of equal hashes may be large: they are linked as in `window_pairs`, and the first WINDOW entries represent
    the group in comparisons with other hashes. Between up to CROWD + 1 different hashes of a key, all pairs are found.
    In a larger crowd, each hash is compared with the next CROWD in their order, and a pair is kept if it is among the
    CLOSEST of either hash: so the work and the pairs are linear in the number of entries. A pair may occur under
    several keys.

    Args:
        key: (n,) sorted keys.
        hashes: (n,) hashes.
        radius: The Hamming distance.

    Returns:
        Positions (left, right), left < right.
    """
    order = np.lexsort((hashes, key))
    key, hashes = key[order], hashes[order]
    new = np.r_[True, (key[1:] != key[:-1]) | (hashes[1:] != hashes[:-1])][: len(key)]
    heads = np.flatnonzero(new)
    sizes = np.diff(np.r_[heads, len(key)])
    equal = window_pairs(np.cumsum(new).astype(np.uint64))
    near = _crossed(heads, np.minimum(sizes, WINDOW), *_near(key[heads], hashes[heads], radius))
    left, right = (order[np.concatenate(sides)] for sides in zip(equal, near, strict=True))
    return np.minimum(left, right), np.maximum(left, right)


def _near(key: Keys, hashes: Keys, radius: int) -> tuple[Ints, Ints]:
    """Return the pairs within the radius among entries sorted by key, all of them different.

    Each entry is compared with the next one, then with the one after that, up to CROWD, as long as any two have the
    same key. The work is that of all pairs with a common key, or CROWD times the number of entries.
    """
    ends = np.searchsorted(key, key, side="right")
    lefts, rights = [], []
    at, step = np.flatnonzero(np.arange(len(key)) + 1 < ends), 1
    while len(at) and step <= CROWD:
        close = at[np.bitwise_count(hashes[at] ^ hashes[at + step]) <= radius]
        lefts.append(close)
        rights.append(close + step)
        step += 1
        at = at[at + step < ends[at]]
    left, right = (np.concatenate([np.zeros(0, np.int64), *sides]) for sides in (lefts, rights))
    kept = ~is_crowded(key, hashes)[left]
    at = np.flatnonzero(~kept)  # most often none
    left_at, right_at = left[at], right[at]
    distance = np.bitwise_count(hashes[left_at] ^ hashes[right_at])
    kept[at] = _among_closest(left_at, right_at, distance) | _among_closest(right_at, left_at, distance)
    return left[kept], right[kept]


def is_crowded(key: Keys, hashes: Keys) -> npt.NDArray[np.bool_]:
    """Of each entry, sorted by key: whether more than CROWD + 1 different hashes have its key."""
    order = np.lexsort((hashes, key))
    new_key = np.r_[True, key[1:] != key[:-1]][: len(key)]
    new = new_key | np.r_[True, hashes[order][1:] != hashes[order][:-1]][: len(key)]
    starts = np.flatnonzero(new_key)
    crowded = np.add.reduceat(new, starts, dtype=np.int64) > CROWD + 1 if len(starts) else np.zeros(0, bool)
    return np.asarray(np.repeat(crowded, np.diff(np.r_[starts, len(key)])))


def _among_closest(one: Ints, other: Ints, distance: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Of each pair: whether it is among the CLOSEST of `one`, by distance and then by the place of `other`."""
    order = np.lexsort((other, distance, one))
    mine = one[order]
    starts = np.r_[True, mine[1:] != mine[:-1]][: len(mine)]
    nth = np.arange(len(mine)) - np.maximum.accumulate(np.where(starts, np.arange(len(mine)), 0))
    kept = np.zeros(len(one), bool)
    kept[order] = nth < CLOSEST
    return kept


def _crossed(heads: Ints, sizes: Ints, left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Expand pairs of groups to pairs of entries: each of the first `sizes` entries of one with each of the other."""
    counts = sizes[left] * sizes[right]
    pair = np.repeat(np.arange(len(left)), counts)
    nth = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    across = sizes[right[pair]]
    return heads[left[pair]] + nth // across, heads[right[pair]] + nth % across


def _number(bits: npt.NDArray[np.uint8]) -> Keys:
    """Convert (n, k) bits to (n,) numbers below 2^k."""
    packed = np.zeros((len(bits), 8), np.uint8)
    some = np.packbits(bits, axis=1, bitorder="little")
    packed[:, : some.shape[1]] = some
    return packed.view("<u8").ravel().astype(np.uint64)
