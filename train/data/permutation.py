"""A keyed permutation of 0 ... n-1 that is computed and never stored: a shuffle without memory or state.

It is a Feistel network on a grid of about sqrt(n) by sqrt(n) cells. Each round shifts every cell along one axis by a
hash of its other coordinate, which is invertible, so the result is a permutation of the grid. A cell at n or beyond
goes through the network again until it lands below n (cycle walking); there are only few such cells.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...schemas.hashing import GOLDEN, mix64
from ...schemas.hashing import Hashes as Words

Ints = npt.NDArray[np.int64]
Network = Callable[[Words, Words, Words], Words]

ROUNDS = 6


def derive(key: npt.ArrayLike, number: npt.ArrayLike) -> Words:
    """Derive the `number`-th key under `key`; arrays broadcast."""
    with np.errstate(over="ignore"):
        step = (np.asarray(number).astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN)
        return mix64(mix64(key) + step)


def permute(index: npt.ArrayLike, size: npt.ArrayLike, key: npt.ArrayLike) -> Ints:
    """The image of `index` under the permutation of 0 ... size-1 with the given key.

    Integer arrays broadcast, so that each element may belong to another permutation.

    Args:
        index: Elements, 0 <= index < size.
        size: Sizes of the permutations.
        key: Keys, unsigned 64-bit.
    """
    return _walk(_network, index, size, key)


def unpermute(image: npt.ArrayLike, size: npt.ArrayLike, key: npt.ArrayLike) -> Ints:
    """The elements whose images under the permutation are given: the inverse of `permute`, with its arguments."""
    return _walk(_inverse, image, size, key)


def _walk(network: Network, index: npt.ArrayLike, size: npt.ArrayLike, key: npt.ArrayLike) -> Ints:
    """Apply a permutation of the grid until every element is below its size."""
    index, size, key = np.broadcast_arrays(*(np.asarray(given, np.uint64) for given in (index, size, key)))
    out = network(index, size, key)
    outside = np.flatnonzero(out >= size)
    while outside.size:
        again = network(out.flat[outside], size.flat[outside], key.flat[outside])
        out.flat[outside] = again
        outside = outside[again >= size.flat[outside]]
    return out.astype(np.int64)


def _grid(size: Words) -> tuple[Words, Words]:
    """Height and width of the grid."""
    height = np.ceil(np.sqrt(size.astype(np.float64))).astype(np.uint64)
    width: Words = (size + height - np.uint64(1)) // height
    return height, width


def _network(index: Words, size: Words, key: Words) -> Words:
    height, width = _grid(size)
    high, low = np.divmod(index, width)
    for turn in range(0, ROUNDS, 2):
        high = (high + derive(key + np.uint64(turn), low) % height) % height
        low = (low + derive(key + np.uint64(turn + 1), high) % width) % width
    out: Words = high * width + low
    return out


def _inverse(index: Words, size: Words, key: Words) -> Words:
    height, width = _grid(size)
    high, low = np.divmod(index, width)
    for turn in range(ROUNDS - 2, -1, -2):
        low = (low + width - derive(key + np.uint64(turn + 1), high) % width) % width
        high = (high + height - derive(key + np.uint64(turn), low) % height) % height
    out: Words = high * width + low
    return out
