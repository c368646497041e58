"""IsoFLOP fits: the best size for a budget from runs of equal cost.

This is approach 2 of Hoffmann et al. (2022, https://arxiv.org/abs/2203.15556) without its parabolas, whose minima are
biased where sizes lie far apart. The curve of a budget is that of a law, fitted to the runs of all budgets by variable
projection, at the numbers of tokens that the budget buys. Its minimum is N*, and D* is the number of tokens at that
size. A budget whose curve has no minimum within the sizes of its runs gives no estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .fit_law import Floats, Law

SIMILAR_RATIO = 1.2  # largest ratio of values that count as equal
SIZES = 4  # least number of sizes of a budget
POINTS = 4001  # at which the minimum of a curve is looked for; N* is exact to 0.1 % over a factor of 1,000


class BudgetMinimum(NamedTuple):
    """The minimum of the curve of a budget: size, tokens and loss."""

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

    def tokens_at(self, parameters: npt.ArrayLike) -> Floats:
        """Tokens that the budget buys at a size, by a parabola through the logs of its runs."""
        x, y = np.log(self.parameters), np.log(self.tokens)
        found: Floats = np.exp(np.polyval(np.polyfit(x, y, 2), np.log(np.asarray(parameters, np.float64))))
        return found

    def minimum(self, law: Law) -> BudgetMinimum | None:
        """Minimum of a law at this cost; None if it lies at an end of the sizes of the runs."""
        sizes = np.geomspace(self.parameters.min(), self.parameters.max(), POINTS)
        loss = law.loss(sizes, tokens := self.tokens_at(sizes))
        at = int(loss.argmin())
        if at in (0, POINTS - 1):
            return None
        return BudgetMinimum(float(sizes[at]), float(tokens[at]), float(loss[at]))


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


def optimum(minima: Sequence[BudgetMinimum], costs: Sequence[float]) -> dict[str, float]:
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
