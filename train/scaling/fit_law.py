"""The parametric scaling law L(N, D) = E + A / N^a + B / D^b, fitted to runs.

This is approach 3 of Hoffmann et al. (2022, https://arxiv.org/abs/2203.15556): minimise the sum of Huber losses of the
residuals of log L, with delta = 1e-3, by L-BFGS from many starting points, and take the best result. Besiroglu et al.
(2024, https://arxiv.org/abs/2404.10102) found that the published fit had stopped too early, hence the tight tolerances.
Starting points lie on a grid of the two exponents; E, A and B follow by nonnegative least squares.

At the optimal split of a budget N * D, dL/dlogN = dL/dlogD: D* = k N^e with e = a / b and k = (b B / (a A))^(1/b).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DELTA = 1e-3  # of the Huber loss, in log L
EXPONENTS = (0.15, 0.3, 0.5, 0.8, 1.2)
SMALL = 1e-3  # least value of a term at a starting point, relative to the lowest loss
LARGEST = 600.0  # exponent of e; beyond 709 a float overflows


@dataclass(frozen=True)
class Law:
    """The five parameters of the law."""

    E: float
    A: float
    a: float
    B: float
    b: float

    def loss(self, parameters: npt.ArrayLike, tokens: npt.ArrayLike) -> Floats:
        """L(N, D)."""
        n, d = np.asarray(parameters, np.float64), np.asarray(tokens, np.float64)
        out: Floats = self.E + self.A * n**-self.a + self.B * d**-self.b
        return out

    @property
    def e(self) -> float:
        """Exponent of D*(N) = k N^e."""
        return self.a / self.b

    @property
    def k(self) -> float:
        """Factor of D*(N) = k N^e."""
        log_k = (np.log(self.b * self.B) - np.log(self.a * self.A)) / self.b
        return float(np.exp(np.clip(log_k, -LARGEST, LARGEST)))  # runs that say nothing of D have b near 0

    def figures(self) -> dict[str, float]:
        """All parameters by name, with k and e."""
        return {"E": self.E, "A": self.A, "a": self.a, "B": self.B, "b": self.b, "k": self.k, "e": self.e}


def columns(n: Floats, d: Floats, a: float, b: float) -> Floats:
    """What E, A and B are factors of, (runs, 3), from log N and log D."""
    return np.stack([np.ones_like(n), np.exp(-a * n), np.exp(-b * d)], 1)


@dataclass(frozen=True)
class _Problem:
    """The runs, with log N and log D centred, which makes factors and exponents almost uncorrelated."""

    n: Floats  # log N, centred
    d: Floats  # log D, centred
    y: Floats  # log L
    at: tuple[float, float]  # means of log N and log D

    @classmethod
    def of(cls, parameters: Floats, tokens: Floats, loss: Floats) -> Self:
        n, d = np.log(parameters), np.log(tokens)
        return cls(n - n.mean(), d - d.mean(), np.log(loss), (float(n.mean()), float(d.mean())))

    def value(self, theta: Floats) -> tuple[float, Floats]:
        """The objective and its gradient at (log E, log A, a, log B, b)."""
        terms = np.stack([np.full_like(self.n, theta[0]), theta[1] - theta[2] * self.n, theta[3] - theta[4] * self.d])
        top = terms.max(0)
        parts = np.exp(terms - top)
        total = parts.sum(0)
        residual = top + np.log(total) - self.y
        slope = np.clip(residual, -DELTA, DELTA)  # of the Huber loss
        huber = slope * (residual - slope / 2)
        share = parts / total * slope
        gradient = [share[0].sum(), share[1].sum(), -(share[1] * self.n).sum(), share[2].sum()]
        # divided by delta squared, so that the optimizer's tolerances are on the right scale
        return float(huber.sum()) / DELTA**2, np.array([*gradient, -(share[2] * self.d).sum()]) / DELTA**2

    def starts(self) -> list[Floats]:
        """One starting point for each pair of exponents."""
        from scipy.optimize import nnls

        loss, found = np.exp(self.y), []
        for a, b in product(EXPONENTS, EXPONENTS):
            given, _ = nnls(columns(self.n, self.d, a, b), loss)
            e_term, a_term, b_term = np.log(np.maximum(given, SMALL * loss.min()))
            found.append(np.array([e_term, a_term, a, b_term, b]))
        return found

    def minimise(self, start: Floats) -> tuple[float, Floats]:
        """Minimise from a starting point; returns the objective and the parameters at the end."""
        from scipy.optimize import minimize

        options = {"maxiter": 5000, "maxfun": 20_000, "ftol": 1e-13, "gtol": 1e-7, "maxcor": 20}
        done: Any = minimize(self.value, start, jac=True, method="L-BFGS-B", bounds=BOUNDS, options=options)
        return float(done.fun), done.x

    def law(self, theta: Floats) -> Law:
        e_term, a_term, a, b_term, b = theta.tolist()
        return Law(
            float(np.exp(e_term)),
            float(np.exp(a_term + a * self.at[0])),
            a,
            float(np.exp(b_term + b * self.at[1])),
            b,
        )


BOUNDS = [(-30, 10), (-30, 10), (1e-3, 5), (-30, 10), (1e-3, 5)]


def fit_law(parameters: npt.ArrayLike, tokens: npt.ArrayLike, loss: npt.ArrayLike, near: Sequence[Law] = ()) -> Law:
    """Fit the law.

    Args:
        parameters: N of each run, (n,).
        tokens: D of each run, (n,).
        loss: L of each run, (n,).
        near: Laws to start from instead of the grid, for data similar to those that the laws were fitted to.
    """
    arrays = (np.asarray(values, np.float64) for values in (parameters, tokens, loss))
    problem = _Problem.of(*arrays)
    starts = [_start(law, problem) for law in near] or problem.starts()
    _, theta = min((problem.minimise(start) for start in starts), key=lambda found: found[0])
    return problem.law(theta)


def _start(law: Law, problem: _Problem) -> Floats:
    terms = np.log([law.E, law.A, law.B]) - [0, law.a * problem.at[0], law.b * problem.at[1]]
    return np.array([terms[0], terms[1], law.a, terms[2], law.b])
