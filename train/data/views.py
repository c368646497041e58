"""Rows in the order of a run as views of the memory map: for a custom training loop, without copies."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .row_order import BLOCK, RowOrder
from .shards import Shards


class View(NamedTuple):
    """One packed row, each array (row_length,)."""

    tokens: npt.NDArray[np.unsignedinteger]
    segment: npt.NDArray[np.unsignedinteger]  # 0 is padding
    modality: npt.NDArray[np.uint8]


def views(shards: Shards, order: RowOrder, start: int, stop: int) -> Iterator[View]:
    """Yield the rows at positions start ... stop - 1, as stored: held-out documents are included."""
    for low in range(start, stop, BLOCK):
        at = order.between(low, min(low + BLOCK, stop))
        opened = {number: shards.open(number) for number in np.unique(at.shard).tolist()}
        matrices = {number: (shard.tokens, shard.segment, shard.modality) for number, shard in opened.items()}
        for number, row in zip(at.shard.tolist(), at.row.tolist(), strict=True):
            tokens, segment, modality = matrices[number]
            yield View(tokens[row], segment[row], modality[row])
