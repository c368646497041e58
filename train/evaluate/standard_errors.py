"""Standard errors: by a formula where there is one, otherwise by bootstrap or jackknife."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

RESAMPLES = 999
BLOCKS = 32  # largest number of blocks of a jackknife
SEED = 0  # fixed, so that a report can be reproduced

Numbers = npt.NDArray[Any]


def mean_error(values: npt.ArrayLike) -> float | None:
    """Standard error of a mean of independent values; None for fewer than two."""
    numbers = np.asarray(values, np.float64)
    return float(numbers.std(ddof=1) / np.sqrt(len(numbers))) if len(numbers) > 1 else None


def ratio_error(numerators: npt.ArrayLike, denominators: npt.ArrayLike) -> float | None:
    """Standard error of a ratio of sums, such as errors over words, by resampling pairs; None for fewer than two."""
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
    """Standard deviation of a statistic over bootstrap resamples (Efron 1979).

    Args:
        statistic: Function of the columns.
        *columns: Arrays of values.
        paired: Whether the columns are resampled together; otherwise they are independent samples.
        resamples: Number of resamples.
        vectorized: Whether `statistic` takes an argument `axis`.

    Returns:
        The standard error, or None for fewer than two values or a result that is not finite.
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
    """Standard error of a statistic by a delete-a-block jackknife (Tukey 1958).

    For statistics that duplicates would bias, which a bootstrap draws.

    Args:
        statistic: Function of the indices that are kept.
        count: Number of values.

    Returns:
        The standard error, or None for fewer than two values or a result that is not finite.
    """
    if count < 2:
        return None
    block = np.arange(count) % min(BLOCKS, count)
    blocks = int(block.max()) + 1
    values = np.array([statistic(np.flatnonzero(block != left)) for left in range(blocks)])
    error = float(np.sqrt((blocks - 1) * values.var()))
    return error if np.isfinite(error) else None
