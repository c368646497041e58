"""Blocks of neighbouring rows, drawn at random: what a sample of a dataset reads without opening every shard."""

from itertools import pairwise

import numpy as np

from .browsed import BrowsedDataset

BLOCK_ROWS = 256


def draw_blocks(dataset: BrowsedDataset, rows: int, seed: int = 0) -> list[tuple[int, int]]:
    """Draw blocks of at most BLOCK_ROWS rows without replacement, some `rows` in all; all rows if there are no more.

    Returns:
        (first row, number of rows) of each block, in the order of the dataset. A block lies in one shard.
    """
    total = dataset.rows
    if rows >= total:
        ends = [0, *dataset.shards.ends.tolist()]
        return [(start, stop - start) for start, stop in pairwise(ends) if stop > start]
    draw = np.random.default_rng(seed)
    starts = np.unique(draw.integers(0, -(-total // BLOCK_ROWS), -(-rows // BLOCK_ROWS))) * BLOCK_ROWS
    blocks = []
    for start in starts.tolist():
        end = dataset.first_row(dataset.shard_of(start)) + dataset.shard(dataset.shard_of(start)).rows
        blocks.append((start, min(start + BLOCK_ROWS, end, total) - start))
    return blocks
