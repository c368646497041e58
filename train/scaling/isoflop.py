"""The best size for a budget: a parabola through the losses of runs that cost alike (Hoffmann et al. 2022, approach 2).

The parabola is of the loss over log N. Its least point is N*, and the tokens that the budget buys there are D*. Budgets
whose parabola has no least point within its runs say nothing: the best size lies beyond what was tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SIMILAR_RATIO = 1.2  # greatest over least of values that count as one
SIZES = 4  # of a budget: three make a parabola, and a fourth says how far off it is


class ParabolaMinimum(NamedTuple):
    """The least point of a parabola."""

    parameters: float
    tokens: float
    loss: float


@dataclass(frozen=True)
class Budget:
    """Runs that cost alike, each array (n,)."""

    parameters: Floats
    tokens: Floats
    flops: Floats
    loss: Floats

    @property
    def cost(self) -> float:
        """Their operations, geometric mean."""
        return float(np.exp(np.log(self.flops).mean()))

    def parabola(self) -> np.poly1d:
        """Loss over log N."""
        return np.poly1d(np.polyfit(np.log(self.parameters), self.loss, 2))

    def minimum(self) -> ParabolaMinimum | None:
        """Where the parabola is least, if that is within the sizes of its runs."""
        curve, x = self.parabola(), np.log(self.parameters)
        if curve[2] <= 0:
            return None
        at = -curve[1] / (2 * curve[2])
        if not x.min() <= at <= x.max():
            return None
        tokens = np.polyval(np.polyfit(x, np.log(self.tokens), 2), at)
        return ParabolaMinimum(float(np.exp(at)), float(np.exp(tokens)), float(curve(at)))

    def residuals(self) -> Floats:
        """Of the parabola, relative, and as large as they would be had three figures not been fitted."""
        fitted = self.parabola()(np.log(self.parameters))
        left: Floats = (self.loss / fitted - 1) * np.sqrt(len(fitted) / (len(fitted) - 3))
        return left

    def with_residuals(self, residuals: Floats) -> Self:
        """The same runs where the parabola is off by these."""
        fitted = self.parabola()(np.log(self.parameters))
        return type(self)(self.parameters, self.tokens, self.flops, fitted * (1 + residuals))


def group_similar(values: Floats) -> list[npt.NDArray[np.intp]]:
    """Indices of values that are alike, from the least on."""
    order = np.argsort(values, kind="stable")
    found: list[list[int]] = []
    for index in order.tolist():
        if found and values[index] <= SIMILAR_RATIO * values[found[-1][0]]:
            found[-1].append(index)
        else:
            found.append([index])
    return [np.array(each) for each in found]


def budgets_of(parameters: Floats, tokens: Floats, flops: Floats, loss: Floats) -> list[Budget]:
    """Those with SIZES sizes or more."""
    columns = (parameters, tokens, flops, loss)
    return [
        Budget(*(column[mine] for column in columns))
        for mine in group_similar(flops)
        if len(np.unique(parameters[mine])) >= SIZES
    ]


def optimum(minima: Sequence[ParabolaMinimum], costs: Sequence[float]) -> dict[str, float]:
    """By least squares over budgets' logs: D* = k · N*^e, and the exponents of N* and D* by cost."""
    n, d = (np.log([getattr(minimum, name) for minimum in minima]) for name in ("parameters", "tokens"))
    c = np.log(costs)
    e, log_k = np.polyfit(n, d, 1)
    return {
        "k": float(np.exp(log_k)),
        "e": float(e),
        "N by C": float(np.polyfit(c, n, 1)[0]),
        "D by C": float(np.polyfit(c, d, 1)[0]),
    }
