"""Hashing of 64-bit numbers: the finaliser of SplitMix64, on NumPy arrays.

Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014 (https://doi.org/10.1145/2660193.2660195).
"""

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio, odd: the step between two states
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB


def mix64(values: npt.ArrayLike) -> Hashes:
    """Permute 64-bit numbers, element by element, so that every output bit depends on every input bit.

    Args:
        values: Numbers that are taken as unsigned; not changed.
    """
    x = np.asarray(values, np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(FIRST)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(SECOND)
    out: Hashes = x ^ (x >> np.uint64(31))
    return out
