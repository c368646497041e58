"""The law L(N, D) = E + A / N^a + B / D^b by variable projection: a search over the two exponents alone.

For given exponents the law is linear in E, A and B, which follow by nonnegative least squares (Golub and Pereyra 1973,
https://doi.org/10.1137/0710036). The sum of squares of the relative residuals is then a function of two exponents,
which is searched on a grid and from its best points by Nelder and Mead's method. For losses of a law without noise the
result is that law, however wide the grid of sizes is; a parabola over log N is not a curve of the law, and its minimum
is off by more the wider the grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from .fit_law import Floats, Law, columns

GRID = np.geomspace(0.05, 2.0, 12)  # of each exponent
LEAST, MOST = 0.01, 4.0
STARTS = 3  # points of the grid from which the search goes on


@dataclass(frozen=True)
class _Curves:
    """The runs, with log N and log D centred, so that the columns have one size."""

    n: Floats
    d: Floats
    loss: Floats
    at: tuple[float, float]

    def solve(self, a: float, b: float) -> tuple[float, Floats]:
        """Root of the sum of squares of the relative residuals for two exponents, and the factors."""
        from scipy.optimize import nnls

        relative = columns(self.n, self.d, a, b) / self.loss[:, None]
        factors, norm = nnls(relative, np.ones_like(self.loss))
        return float(norm), factors

    def value(self, logs: Floats) -> float:
        a, b = np.exp(logs).tolist()
        if not (LEAST <= a <= MOST and LEAST <= b <= MOST):
            return float(np.sqrt(len(self.loss)))  # as if every loss was predicted to be 0
        return self.solve(a, b)[0]

    def law(self, a: float, b: float) -> Law:
        e_term, a_term, b_term = self.solve(a, b)[1].tolist()
        return Law(e_term, a_term * float(np.exp(a * self.at[0])), a, b_term * float(np.exp(b * self.at[1])), b)


def project(parameters: npt.ArrayLike, tokens: npt.ArrayLike, loss: npt.ArrayLike, near: Sequence[Law] = ()) -> Law:
    """Fit the law; arguments as for `fit_law`."""
    from scipy.optimize import minimize

    n, d = (np.log(np.asarray(values, np.float64)) for values in (parameters, tokens))
    curves = _Curves(n - n.mean(), d - d.mean(), np.asarray(loss, np.float64), (float(n.mean()), float(d.mean())))
    starts = [np.log([law.a, law.b]) for law in near]
    if not starts:
        starts = sorted((np.log(pair) for pair in product(GRID, GRID)), key=curves.value)[:STARTS]
    options = {"xatol": 1e-7, "fatol": 1e-13, "maxiter": 400}
    found = [minimize(curves.value, start, method="Nelder-Mead", options=options) for start in starts]
    best = min(found, key=lambda one: float(one.fun))
    a, b = np.exp(best.x).tolist()
    return curves.law(a, b)
