"""Protocol of near-duplicate methods: signatures, keys that propose pairs, and a test of pairs.

Rows are not compared with all others. A row has a few *keys*; rows that share a key are candidates, and `alike` decides
by their signatures. All methods map arrays to arrays, and the result for a row does not depend on other rows.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Keyed:
    """Keys of many signatures, one entry per key."""

    owner: Ints  # (k,) index of the signature
    key: Keys  # (k,)
    sketch: Keys  # (k,) information by which `pairs` can reject candidates early, or zeros


class NearMethod(Protocol):
    """A method to find near duplicates in one modality; picklable, models are loaded on first use."""

    @property
    def column(self) -> str:
        """The column of the RAW table that is compared: text, image or audio."""
        ...

    def identity(self) -> list[Any]:
        """Version and every setting that can change the result, as JSON values."""
        ...

    def report(self) -> dict[str, Any]:
        """Name and parameters of the method for the manifest, including derived ones."""
        ...

    def sign(self, values: pa.ChunkedArray) -> pa.Array:
        """Compute one signature per value, all of one Arrow type; null where a value cannot be compared."""
        ...

    def keys(self, signatures: pa.Array) -> Keyed:
        """Compute the keys of signatures without nulls."""
        ...

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Find candidates among entries sorted by key.

        Returns:
            Positions (left, right), left < right, of entries that share a key.
        """
        ...

    def alike(self, left: pa.Array, right: pa.Array) -> npt.NDArray[np.bool_]:
        """True for the pairs of signatures that are near duplicates."""
        ...


WINDOW = 16


def window_pairs(key: Keys, window: int = WINDOW) -> tuple[Ints, Ints]:
    """Find candidates in linear time: each entry with the first of its key, and with the next `window` entries.

    Up to window + 1 entries of a key are all compared with each other. Larger groups are linked through their first
    entry and through neighbours, which joins them if all are alike; the number of pairs is never quadratic.

    Args:
        key: (n,) sorted keys.
        window: Number of following entries.

    Returns:
        Positions (left, right), left < right.
    """
    n = len(key)
    at = np.arange(n)
    starts = np.r_[True, key[1:] != key[:-1]] if n else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(starts, at, 0))
    far = at[at - first > window]
    lefts, rights = [first[far]], [far]
    for step in range(1, min(window, n - 1) + 1):
        same = np.flatnonzero(key[step:] == key[:-step])
        lefts.append(same)
        rights.append(same + step)
    return np.concatenate(lefts), np.concatenate(rights)
