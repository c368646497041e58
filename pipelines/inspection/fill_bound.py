"""Upper bound on the share of positions that any packing of whole segments can fill.

It follows from a lower bound on the number of rows, the greatest of two:

- Martello and Toth's L2 ("Lower bounds and reduction procedures for the bin packing problem", Discrete Applied
  Mathematics 28, 1990): segments longer than half a row are alone or with short ones, for every border of "short";
- dual feasible functions u^(k) of Fekete and Schepers ("New classes of fast lower bounds for bin packing problems",
  Mathematical Programming 91, 2001): where segments are a little longer than a k-th of a row, fewer than k fit.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

MOST_PARTS = 100  # k of u^(k)
Ints = npt.NDArray[np.int64]


def fill_bound(counts: Mapping[int, int], row_length: int) -> float:
    """Return an upper bound on the share of positions that any packing of whole segments can fill.

    Args:
        counts: Length of a segment -> number of segments.
        row_length: Tokens per row.
    """
    rows = least_rows(counts, row_length)
    return sum(length * count for length, count in counts.items()) / (rows * row_length) if rows else 0.0


def least_rows(counts: Mapping[int, int], row_length: int) -> int:
    """Return a lower bound on the number of rows that hold whole segments; arguments as for `fill_bound`."""
    if not counts:
        return 0
    lengths = np.array(sorted(counts), np.int64)
    repeats = np.array([counts[length] for length in lengths.tolist()], np.int64)
    return max(_martello_toth(lengths, repeats, row_length), _dual_feasible(lengths, repeats, row_length))


def _martello_toth(lengths: Ints, repeats: Ints, row_length: int) -> int:
    """L2, for all borders K at once: 0, and every length of at most half a row."""
    number = np.concatenate([[0], np.cumsum(repeats)])
    tokens = np.concatenate([[0], np.cumsum(repeats * lengths)])
    half = int(np.searchsorted(lengths, row_length // 2, side="right"))  # first length above half a row
    border = np.concatenate([[0], lengths[:half]])
    short = np.searchsorted(lengths, border, side="left")
    alone = np.searchsorted(lengths, row_length - border, side="right")  # nothing from K on fits beside these
    long = number[-1] - number[half]
    beside = (number[alone] - number[half]) * row_length - (tokens[alone] - tokens[half])  # room beside the other long
    left = np.maximum(tokens[half] - tokens[short] - beside, 0)
    return int((long + -(-left // row_length)).max())


def _dual_feasible(lengths: Ints, repeats: Ints, row_length: int) -> int:
    best = 0
    for parts in range(1, MOST_PARTS + 1):
        whole, rest = np.divmod((parts + 1) * lengths, row_length)
        value = np.where(rest == 0, parts * lengths, whole * row_length)  # of u^(k), times k and the row length
        best = max(best, -(-int((value * repeats).sum()) // (parts * row_length)))
    return best
