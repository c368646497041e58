"""From one array of ids a text to the concatenation and offsets that TextTokenizer.encode returns."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..protocol import Codes

_NONE = np.empty(0, np.int32)


def concatenate(arrays: Sequence[npt.NDArray[np.integer]]) -> tuple[Codes, npt.NDArray[np.int64]]:
    """All ids in order as uint32, and len(arrays)+1 offsets into them; ids must not be negative."""
    offsets = np.zeros(len(arrays) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, arrays), np.int64, len(arrays)), out=offsets[1:])
    ids = np.concatenate(arrays) if len(arrays) else _NONE
    # four-byte ids that are not negative have the same bytes either way: no copy
    return (ids.view(np.uint32) if ids.dtype.itemsize == 4 else ids.astype(np.uint32)), offsets
