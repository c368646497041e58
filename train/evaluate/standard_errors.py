"""Standard errors: by formula where there is one, else by drawing again or leaving out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

RESAMPLES = 999
BLOCKS = 32  # of a jackknife, at most
SEED = 0  # so that a report is the same when it is made again

Numbers = npt.NDArray[Any]


def mean_error(values: npt.ArrayLike) -> float | None:
    """Standard error of a mean of independent values; None for fewer than two."""
    numbers = np.asarray(values, np.float64)
    return float(numbers.std(ddof=1) / np.sqrt(len(numbers))) if len(numbers) > 1 else None


def ratio_error(numerators: npt.ArrayLike, denominators: npt.ArrayLike) -> float | None:
    """Standard error of sum over sum, such as errors over words, when whole pairs are drawn anew."""
    pairs = (np.asarray(numerators, np.float64), np.asarray(denominators, np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        return bootstrap_error(lambda over, under, axis: over.sum(axis=axis) / under.sum(axis=axis), *pairs)


def bootstrap_error(
    statistic: Callable[..., Any],
    *columns: Numbers,
    paired: bool = True,
    resamples: int = RESAMPLES,
    vectorized: bool = True,
) -> float | None:
    """Standard deviation of a statistic over draws with replacement (Efron 1979); None for fewer than two values.

    A `vectorized` statistic takes `axis`; not `paired`, the columns are samples of their own, drawn by themselves.
    """
    if min(len(column) for column in columns) < 2:
        return None
    from scipy.stats import bootstrap

    drawn = bootstrap(
        columns,
        statistic,
        n_resamples=resamples,
        paired=paired and len(columns) > 1,
        vectorized=vectorized,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    error = float(drawn.standard_error)
    return error if np.isfinite(error) else None


def jackknife_error(statistic: Callable[[Numbers], float], count: int) -> float | None:
    """Standard error of a statistic of the chosen indices below `count`, by leaving out a block at a time (Tukey 1958).

    For what a value that is drawn twice would bias; None for fewer than two values.
    """
    if count < 2:
        return None
    block = np.arange(count) % min(BLOCKS, count)
    blocks = int(block.max()) + 1
    values = np.array([statistic(np.flatnonzero(block != left)) for left in range(blocks)])
    error = float(np.sqrt((blocks - 1) * values.var()))
    return error if np.isfinite(error) else None
