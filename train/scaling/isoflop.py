"""IsoFLOP fits: the best size for a budget from a parabola through runs of equal cost.

This is approach 2 of Hoffmann et al. (2022, https://arxiv.org/abs/2203.15556). The parabola is fitted to the loss over
log N. Its minimum is N*, and D* is the number of tokens that the budget buys at that size. A budget whose parabola has
no minimum within the sizes of its runs gives no estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SIMILAR_RATIO = 1.2  # largest ratio of values that count as equal
SIZES = 4  # least number of sizes of a budget: three determine a parabola, a fourth shows its error


class ParabolaMinimum(NamedTuple):
    """The minimum of a parabola: size, tokens and loss."""

    parameters: float
    tokens: float
    loss: float


@dataclass(frozen=True)
class Budget:
    """Runs of equal cost, each array (n,)."""

    parameters: Floats
    tokens: Floats
    flops: Floats
    loss: Floats

    @property
    def cost(self) -> float:
        """Operations per run, geometric mean."""
        return float(np.exp(np.log(self.flops).mean()))

    def parabola(self) -> np.poly1d:
        """Least-squares parabola of the loss over log N."""
        return np.poly1d(np.polyfit(np.log(self.parameters), self.loss, 2))

    def minimum(self) -> ParabolaMinimum | None:
        """Minimum of the parabola; None if it lies outside of the sizes of the runs."""
        curve, x = self.parabola(), np.log(self.parameters)
        if curve[2] <= 0:
            return None
        at = -curve[1] / (2 * curve[2])
        if not x.min() <= at <= x.max():
            return None
        tokens = np.polyval(np.polyfit(x, np.log(self.tokens), 2), at)
        return ParabolaMinimum(float(np.exp(at)), float(np.exp(tokens)), float(curve(at)))

    def residuals(self) -> Floats:
        """Relative residuals of the parabola, scaled up for its three fitted coefficients."""
        fitted = self.parabola()(np.log(self.parameters))
        left: Floats = (self.loss / fitted - 1) * np.sqrt(len(fitted) / (len(fitted) - 3))
        return left

    def with_residuals(self, residuals: Floats) -> Self:
        """The same runs with losses that deviate from the parabola by these relative residuals."""
        fitted = self.parabola()(np.log(self.parameters))
        return type(self)(self.parameters, self.tokens, self.flops, fitted * (1 + residuals))


def group_similar(values: Floats) -> list[npt.NDArray[np.intp]]:
    """Group values within a factor of SIMILAR_RATIO; returns the indices of each group, in rising order of values."""
    order = np.argsort(values, kind="stable")
    found: list[list[int]] = []
    for index in order.tolist():
        if found and values[index] <= SIMILAR_RATIO * values[found[-1][0]]:
            found[-1].append(index)
        else:
            found.append([index])
    return [np.array(each) for each in found]


def budgets_of(parameters: Floats, tokens: Floats, flops: Floats, loss: Floats) -> list[Budget]:
    """The budgets with at least SIZES distinct sizes."""
    columns = (parameters, tokens, flops, loss)
    return [
        Budget(*(column[mine] for column in columns))
        for mine in group_similar(flops)
        if len(np.unique(parameters[mine])) >= SIZES
    ]


def optimum(minima: Sequence[ParabolaMinimum], costs: Sequence[float]) -> dict[str, float]:
    """Least-squares fits over the logs of budgets: D* = k N*^e, and the exponents of N* and D* by cost."""
    n, d = (np.log([getattr(minimum, name) for minimum in minima]) for name in ("parameters", "tokens"))
    c = np.log(costs)
    e, log_k = np.polyfit(n, d, 1)
    return {
        "k": float(np.exp(log_k)),
        "e": float(e),
        "N by C": float(np.polyfit(c, n, 1)[0]),
        "D by C": float(np.polyfit(c, d, 1)[0]),
    }
