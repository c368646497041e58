"""Concatenates the ids of several texts to the arrays that TextTokenizer.encode returns."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..protocol import Codes

_NONE = np.empty(0, np.int32)


def concatenate(arrays: Sequence[npt.NDArray[np.integer]]) -> tuple[Codes, npt.NDArray[np.int64]]:
    """Concatenate non-negative ids as uint32, and return len(arrays)+1 offsets into them."""
    offsets = np.zeros(len(arrays) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, arrays), np.int64, len(arrays)), out=offsets[1:])
    ids = np.concatenate(arrays) if len(arrays) else _NONE
    # non-negative four-byte ids have the same bytes as uint32, so no copy is needed
    return (ids.view(np.uint32) if ids.dtype.itemsize == 4 else ids.astype(np.uint32)), offsets
