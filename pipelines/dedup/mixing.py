"""Hashing of 64-bit numbers."""

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, odd


def mix(values: Hashes) -> Hashes:
    """Permute 64-bit numbers, element by element: the finaliser of SplitMix64.

    Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014
    (https://doi.org/10.1145/2714064.2660195).
    """
    mixed = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
