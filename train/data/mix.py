"""Which stream of a mix each position belongs to: shares that hold in every range of positions, by arithmetic alone.

The list of streams is halved recursively. At each halving, the left half gets a rounded share of the first q rows,
which is never off by more than half a row, and the rows of either half are renumbered consecutively. Hence a stream is
off by at most half a row per halving at any position, and nothing has to be stored or counted.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

UNITS = 1 << 20  # shares are integer multiples of 1 / UNITS, so that products with positions stay below 2^63


def apportion(shares: npt.ArrayLike) -> Ints:
    """Round shares to integers that sum to UNITS by largest remainders, each at least 1."""
    share = np.asarray(shares, np.float64)
    ideal = share / share.sum() * UNITS
    units: Ints = np.maximum(np.floor(ideal), 1).astype(np.int64)
    missing = UNITS - int(units.sum())
    if missing > 0:
        units[np.argsort(units - ideal, kind="stable")[:missing]] += 1
    else:
        units[np.argmax(units)] += missing
    return units


def assign_streams(position: npt.ArrayLike, units: Ints) -> tuple[Ints, Ints]:
    """The stream of each position of the mix, and the number of rows of that stream before it.

    Args:
        position: Positions (n,), below 2^42.
        units: Shares (streams,) from `apportion`.

    Returns:
        Stream of each position, and its row within the stream, both int64 (n,).
    """
    index = np.array(position, np.int64)
    stream = np.zeros_like(index)
    _assign(np.arange(index.size), index, stream, units, 0)
    return stream, index


def _assign(mine: Ints, index: Ints, stream: Ints, units: Ints, first: int) -> None:
    if len(units) == 1 or not mine.size:
        stream[mine] = first
        return
    half = len(units) // 2
    left, total = int(units[:half].sum()), int(units.sum())
    rows = index[mine]
    before = _rounded(rows, left, total)
    to_left = _rounded(rows + 1, left, total) > before
    index[mine] = np.where(to_left, before, rows - before)
    _assign(mine[to_left], index, stream, units[:half], first)
    _assign(mine[~to_left], index, stream, units[half:], first + half)


def position_of(stream: int, row: npt.ArrayLike, units: Ints) -> Ints:
    """The position in the mix of each row of a stream: the inverse of `assign_streams`.

    Args:
        stream: Number of the stream.
        row: Rows within the stream (n,), from 0; their positions must be below 2^42.
        units: Shares (streams,) from `apportion`.
    """
    index = np.asarray(row, np.int64)
    if len(units) == 1:
        return index
    half = len(units) // 2
    left, total = int(units[:half].sum()), int(units.sum())
    if stream < half:
        inner = position_of(stream, index, units[:half])
        # the first q rows have floor((q * left + total / 2) / total) rows of the left half
        return -(((total // 2) - (inner + 1) * total) // left) - 1
    inner = position_of(stream - half, index, units[half:])
    return (inner * total + total // 2) // (total - left)


def rows_per_stream(rows: int, units: Ints) -> Ints:
    """(streams,) number of rows of each stream among the first `rows` rows of the mix."""
    if len(units) == 1:
        return np.array([rows], np.int64)
    half = len(units) // 2
    left = int(_rounded(np.int64(rows), int(units[:half].sum()), int(units.sum())))
    return np.concatenate([rows_per_stream(left, units[:half]), rows_per_stream(rows - left, units[half:])])


def _rounded(rows: npt.NDArray[np.int64] | np.int64, part: int, total: int) -> Ints:
    out: Ints = np.asarray((rows * part + total // 2) // total)
    return out
