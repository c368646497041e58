"""Rows in the order of a run, as they are stored: for a custom training loop."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .row_order import RowOrder
from .shards import Shards

TOGETHER = 64  # rows that are read together


class View(NamedTuple):
    """One packed row, each array (row_length,)."""

    tokens: npt.NDArray[np.unsignedinteger]
    segment: npt.NDArray[np.unsignedinteger]  # 0 is padding
    modality: npt.NDArray[np.uint8]


def views(shards: Shards, order: RowOrder, start: int, stop: int) -> Iterator[View]:
    """Yield the rows at positions start ... stop - 1, as stored: held-out documents are included."""
    for low in range(start, stop, TOGETHER):
        at = order.between(low, min(low + TOGETHER, stop))
        rows: dict[int, View] = {}
        for number in np.unique(at.shard).tolist():
            mine, shard = np.flatnonzero(at.shard == number), shards.open(number)
            block = (matrix[at.row[mine]] for matrix in (shard.tokens, shard.segment, shard.modality))
            rows |= {place: View(*arrays) for place, *arrays in zip(mine.tolist(), *block, strict=True)}
        yield from (rows[place] for place in range(len(at.row)))
