"""Draws segments of a dataset at random; the same seed draws the same, in any session and on any machine."""

import numpy as np

from .browsed import BrowsedDataset


def draw_segments(dataset: BrowsedDataset, count: int, seed: int, group: str | None = None) -> list[tuple[int, int]]:
    """Draw rows with equal chances and without replacement, and one segment of each; more of each if rows are few.

    Args:
        dataset: The dataset.
        count: Maximum number of segments.
        seed: Seed of the draw.
        group: Only rows of this group; None for all.

    Returns:
        (row, number of the segment) pairs, in the order of rows.
    """
    draw = np.random.default_rng(seed)
    rows = _draw_rows(dataset, count, draw, group)
    orders = {row: draw.permutation(_segments_of(dataset, row)).tolist() for row in rows}
    found: list[tuple[int, int]] = []
    turn = 0
    while len(found) < count and any(len(order) > turn for order in orders.values()):
        found += [(row, order[turn] + 1) for row, order in orders.items() if len(order) > turn]
        turn += 1
    return sorted(found[:count])


def _segments_of(dataset: BrowsedDataset, row: int) -> int:
    shard = dataset.shard_of(row)
    return len(dataset.part(shard, row - dataset.first_row(shard), 1, ["segments"]).column(0)[0])


def _draw_rows(dataset: BrowsedDataset, count: int, draw: np.random.Generator, group: str | None) -> list[int]:
    rows, ends = dataset.shards.rows, dataset.shards.ends
    if group is not None:
        chosen = dataset.shards.numbers_of(group)
        rows, ends = rows[chosen], ends[chosen]
    total = int(rows.sum())
    # drawn with replacement and made distinct, since a permutation of 10⁹ rows has no place in memory
    places = draw.permutation(total)[:count] if total <= 4 * count else draw.integers(0, total, 2 * count)
    distinct = np.sort(np.array(list(dict.fromkeys(places.tolist()))[:count], np.int64))
    cumulative = np.cumsum(rows)
    shard = np.searchsorted(cumulative, distinct, side="right")
    inside = distinct - (cumulative[shard] - rows[shard]) if len(distinct) else distinct
    first = ends[shard] - rows[shard] if len(distinct) else distinct
    return [int(row) for row in first + inside]
