"""Which stream of a mix a position belongs to: shares that hold everywhere, from arithmetic alone.

Streams are halved again and again. At each halving, of the first q rows the left half gets the rounded product of q
and its share, so it is never off by more than half a row, and rows of a half are numbered as they come. Hence a
stream is off by at most half a row for each halving, at any position, and nothing is stored or counted.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

UNITS = 1 << 20  # shares are whole numbers of these, so that products with positions stay below 2^63


def apportion(shares: npt.ArrayLike) -> Ints:
    """Shares as whole numbers that sum to UNITS: each at least 1, else off by less than 1 (largest remainders)."""
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
    """The stream of each position of the mix, and how many rows of that stream come before it.

    position: (n,) below 2^42; units: (streams,) as `apportion` gives them.
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


def rows_per_stream(rows: int, units: Ints) -> Ints:
    """(streams,) rows that each stream has among the first `rows` of the mix."""
    if len(units) == 1:
        return np.array([rows], np.int64)
    half = len(units) // 2
    left = int(_rounded(np.int64(rows), int(units[:half].sum()), int(units.sum())))
    return np.concatenate([rows_per_stream(left, units[:half]), rows_per_stream(rows - left, units[half:])])


def _rounded(rows: npt.NDArray[np.int64] | np.int64, part: int, total: int) -> Ints:
    out: Ints = np.asarray((rows * part + total // 2) // total)
    return out
