"""Standard errors and intervals: by a formula where there is one, otherwise by bootstrap or jackknife.

Fewer than three values have no error, and neither have values that do not vary: an error of 0 would claim certainty.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

RESAMPLES = 999
BLOCKS = 32  # largest number of blocks of a jackknife
SEED = 0  # fixed, so that a report can be reproduced
FEWEST = 3  # values of which an error or interval is given
Z95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution
ROUNDING = 1e-9  # errors below this share of the value are rounding noise

Numbers = npt.NDArray[Any]


def mean_error(values: npt.ArrayLike) -> float | None:
    """Standard error of a mean of independent values; None for fewer than three, and if they are all equal."""
    numbers = np.asarray(values, np.float64)
    if len(numbers) < FEWEST:
        return None
    return _usable(float(numbers.std(ddof=1) / np.sqrt(len(numbers))), float(np.abs(numbers).max()))


def wilson_interval(successes: float, count: int) -> tuple[float, float] | None:
    """95 % confidence interval of a share (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).

    It lies within 0 to 1, and has a width also where all or none succeed.

    Args:
        successes: Number of successes; a shared point is a part of one.
        count: Number of trials.

    Returns:
        Its limits, or None for fewer than three trials.
    """
    if count < FEWEST:
        return None
    share, z = successes / count, Z95
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    # without rounding at the ends
    return float(centre - half) if successes else 0.0, float(centre + half) if successes < count else 1.0


def ratio_error(numerators: npt.ArrayLike, denominators: npt.ArrayLike) -> float | None:
    """Standard error of a ratio of sums, such as errors over words, by resampling pairs, as `bootstrap_error`."""
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
        The standard error, or None for fewer than three values and for a result that is 0 or not finite.
    """
    if min(len(column) for column in columns) < FEWEST:
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
    with np.errstate(invalid="ignore"):
        return _usable(float(drawn.standard_error), float(np.abs(drawn.bootstrap_distribution).max()))


def jackknife_error(statistic: Callable[[Numbers], float], count: int) -> float | None:
    """Standard error of a statistic by a delete-a-block jackknife (Tukey 1958).

    For statistics that duplicates would bias, which a bootstrap draws.

    Args:
        statistic: Function of the indices that are kept.
        count: Number of values.

    Returns:
        The standard error, or None for fewer than three values and for a result that is 0 or not finite.
    """
    if count < FEWEST:
        return None
    block = np.arange(count) % min(BLOCKS, count)
    blocks = int(block.max()) + 1
    values = np.array([statistic(np.flatnonzero(block != left)) for left in range(blocks)])
    return _usable(float(np.sqrt((blocks - 1) * values.var())), float(np.abs(values).max()))


def _usable(error: float, scale: float) -> float | None:
    """An error, unless it is not finite, or 0 up to the rounding of values of this scale."""
    return error if np.isfinite(error) and error > ROUNDING * scale else None
