"""What finds near duplicates of one kind: signatures, keys that bring likely pairs together, and a test of pairs.

Rows never meet all others. A row has a few *keys*; rows that share a key are candidates, and `alike` decides on
their signatures. All of it is array in, array out; nothing depends on which other rows are there.
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
    """Keys of many signatures, one entry a key."""

    owner: Ints  # (k,) index of the signature
    key: Keys  # (k,)
    sketch: Keys  # (k,) whatever lets `pairs` sort out candidates early; zeros where nothing does


class NearMethod(Protocol):
    """One way for rows of a modality to be near duplicates; picklable, models are loaded on first use."""

    @property
    def column(self) -> str:
        """The column of the RAW table that it looks at: text, image or audio."""
        ...

    def identity(self) -> list[Any]:
        """Version and every setting that can change its verdicts, as JSON values."""
        ...

    def report(self) -> dict[str, Any]:
        """What the manifest says of it: its name and its parameters, those that were derived included."""
        ...

    def sign(self, values: pa.ChunkedArray) -> pa.Array:
        """A signature a value, of one Arrow type throughout; null where the value cannot be judged."""
        ...

    def keys(self, signatures: pa.Array) -> Keyed:
        """The keys of signatures, none of which is null."""
        ...

    def pairs(self, key: Keys, sketch: Keys) -> tuple[Ints, Ints]:
        """Candidates among entries sorted by key: positions (left, right), left < right, of entries that share one."""
        ...

    def alike(self, left: pa.Array, right: pa.Array) -> npt.NDArray[np.bool_]:
        """For every pair of signatures, whether they are near duplicates."""
        ...


WINDOW = 16


def window_pairs(key: Keys, window: int = WINDOW) -> tuple[Ints, Ints]:
    """Candidates in time linear in the entries: each with the first of its key, and with the `window` next ones.

    Up to window + 1 entries of a key meet all others. More are linked through their first and their neighbours, which
    joins them if they are all alike; in no case is a crowded key's number of pairs quadratic.
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
