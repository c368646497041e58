"""Fit the law and the IsoFLOP curves to runs, with 95 % intervals by a bootstrap over residuals.

Sizes and tokens of the runs are fixed by design, so only residuals are resampled: those of log L for the law, and the
relative ones of the runs of all budgets for their curves. Residuals are first scaled up for the fitted
degrees of freedom. If the form of the law is wrong, the intervals are still too narrow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...schemas.errors import Refusal
from .collect import Point
from .fit_law import Floats, Law, fit_law
from .isoflop import SIZES, Budget, BudgetMinimum, budgets_of, group_similar, optimum
from .variable_projection import project

RUNS, VALUES = 8, 3  # least number of runs, and of distinct sizes and distinct horizons among them
RESAMPLES = 500
TAIL = 2.5  # per cent beyond each end of an interval


class Estimate(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Size:
    """A model size and its optimal number of tokens under the law."""

    parameters: int
    tokens: Estimate


@dataclass(frozen=True)
class BudgetFit:
    """A budget, and the minimum of its curve if there is one."""

    runs: Budget
    minimum: BudgetMinimum | None
    figures: Mapping[str, Estimate]  # of the minimum


@dataclass(frozen=True)
class Fit:
    """Results of both fits."""

    points: Sequence[Point]
    law: Law
    error: float  # root mean square of the residuals of log L
    figures: Mapping[str, Estimate]  # parameters of the law, and k and e of D*(N) = k N^e
    sizes: Sequence[Size]
    budgets: Sequence[BudgetFit]
    curves: Law | None  # of all budgets, by variable projection; None without budgets
    optimum: Mapping[str, Estimate]  # over budgets; empty with fewer than two minima
    missing: str  # reason why `optimum` is empty


def fit(points: Sequence[Point], seed: int = 0) -> Fit:
    """Fit the law and the budgets.

    Args:
        points: Finished runs.
        seed: Seed of the bootstrap.

    Raises:
        Refusal: For too few runs.
    """
    n, d, c, loss = (
        np.array([getattr(point, name) for point in points], np.float64)
        for name in ("parameters", "tokens", "flops", "loss")
    )
    _require_enough(n, d)
    draw = np.random.default_rng(seed)
    law = fit_law(n, d, loss)
    residuals = np.log(loss) - np.log(law.loss(n, d))
    wide = (residuals - residuals.mean()) * np.sqrt(len(loss) / (len(loss) - 5))
    resamples = [
        fit_law(n, d, law.loss(n, d) * np.exp(draw.choice(wide, len(wide))), near=[law]) for _ in range(RESAMPLES)
    ]
    sizes = [
        Size(int(size), _estimate(law.k * size**law.e, [other.k * size**other.e for other in resamples]))
        for size in np.unique(n)
    ]
    figures = _estimates(law.figures(), [other.figures() for other in resamples])
    found, curves, best, missing = _over_budgets(budgets_of(n, d, c, loss), draw)
    return Fit(points, law, float(np.sqrt((residuals**2).mean())), figures, sizes, found, curves, best, missing)


def _require_enough(n: Floats, d: Floats) -> None:
    counts = (len(n), len(np.unique(n)), len(group_similar(d)))
    if any(count < needed for count, needed in zip(counts, (RUNS, VALUES, VALUES), strict=True)):
        raise Refusal(
            f"a law has five parameters: a fit takes {RUNS} finished runs, of {VALUES} sizes and {VALUES} numbers of "
            f"tokens at least; there are {counts[0]}, of {counts[1]} and {counts[2]}. Train more, for example with "
            "`triptych scaling sweep`."
        )


def _over_budgets(
    runs: Sequence[Budget], draw: np.random.Generator
) -> tuple[list[BudgetFit], Law | None, dict[str, Estimate], str]:
    if not runs:
        return [], None, {}, _too_few(runs, 0)
    n, d, loss = (np.concatenate([getattr(it, name) for it in runs]) for name in ("parameters", "tokens", "loss"))
    law = project(n, d, loss)
    minima = [budget.minimum(law) for budget in runs]
    fitted = law.loss(n, d)
    left = (loss / fitted - 1) * np.sqrt(len(loss) / max(len(loss) - 5, 1))
    drawn: list[list[BudgetMinimum | None]] = []
    for _ in range(RESAMPLES):
        other = project(n, d, fitted * (1 + draw.choice(left, len(left))), near=[law])
        drawn.append([budget.minimum(other) for budget in runs])
    found = [
        BudgetFit(
            budget,
            minimum,
            _estimates(minimum._asdict(), [one._asdict() for some in drawn if (one := some[at])]) if minimum else {},
        )
        for at, (budget, minimum) in enumerate(zip(runs, minima, strict=True))
    ]
    kept = [at for at, minimum in enumerate(minima) if minimum]
    if len(kept) < 2:
        return found, law, {}, _too_few(runs, len(kept))
    whole = [some for some in drawn if all(some[at] for at in kept)]
    best = _best(runs, minima, kept)
    return found, law, _estimates(best, [_best(runs, some, kept) for some in whole]), ""


def _too_few(runs: Sequence[Budget], minima: int) -> str:
    return (
        f"of {len(runs)} budgets with {SIZES} sizes, {minima} have a minimum within the sizes of their runs; "
        "at least 2 are needed"
    )


def _best(runs: Sequence[Budget], minima: Sequence[BudgetMinimum | None], kept: Sequence[int]) -> dict[str, float]:
    chosen = [minimum for minimum in (minima[at] for at in kept) if minimum]
    return optimum(chosen, [runs[at].cost for at in kept])


def _estimates(values: Mapping[str, float], resamples: Sequence[Mapping[str, float]]) -> dict[str, Estimate]:
    return {name: _estimate(value, [other[name] for other in resamples]) for name, value in values.items()}


def _estimate(value: float, resamples: Sequence[float]) -> Estimate:
    low, high = np.percentile([*resamples, value], [TAIL, 100 - TAIL]).tolist()
    return Estimate(value, min(low, value), max(high, value))
