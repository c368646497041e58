"""Variable projection gives back a law without noise, where parabolas over wide grids of sizes are biased."""

import numpy as np
import pytest
from hypothesis import given, settings

from triptych.train.scaling.fit_law import Floats, Law
from triptych.train.scaling.isoflop import Budget
from triptych.train.scaling.variable_projection import project

from .laws import LAWS, NEAR, TRUE

BEST = np.geomspace(1e6, 1e8, 3)


def budgets(width: float, centre: float = 1.0) -> list[Budget]:
    """Seven sizes a budget, from 1 / `width` to `width` times the best size, off by a factor `centre`."""
    found = []
    for best in BEST.tolist():
        cost = 6 * best * TRUE.k * best**TRUE.e
        sizes = best * centre * np.geomspace(1 / width, width, 7)
        tokens = cost / (6 * sizes)
        found.append(Budget(sizes, tokens, np.full(7, cost), TRUE.loss(sizes, tokens)))
    return found


def columns(found: list[Budget]) -> tuple[Floats, Floats, Floats]:
    n, d, loss = (np.concatenate([getattr(it, name) for it in found]) for name in ("parameters", "tokens", "loss"))
    return n, d, loss


@pytest.mark.parametrize(("width", "centre"), [(2, 1), (4, 3), (16, 1), (16, 3), (64, 1)])
def test_the_law_is_found_whatever_the_grid(width: float, centre: float) -> None:
    runs = budgets(width, centre)
    law = project(*columns(runs))
    assert law.figures() == pytest.approx(TRUE.figures(), rel=1e-3)
    for budget, best in zip(runs, BEST.tolist(), strict=True):
        found = budget.minimum(law)
        if width > centre:
            assert found is not None
            assert found.parameters == pytest.approx(best, rel=2e-3)


@pytest.mark.parametrize(("width", "bias"), [(2, 0.004), (4, 0.015), (16, 0.062), (64, 0.144)])
def test_parabolas_are_biased_by_more_the_wider_the_grid(width: float, bias: float) -> None:
    budget = budgets(width)[1]  # the figures of docs/explanation/scaling-laws.md
    square, line, _ = np.polyfit(np.log(budget.parameters), budget.loss, 2)
    assert np.exp(-line / (2 * square)) / BEST[1] - 1 == pytest.approx(bias, abs=0.001)


@settings(max_examples=8)
@given(LAWS)
def test_any_law_is_found(law: Law) -> None:
    n, d = (part.ravel() for part in np.meshgrid(np.geomspace(1e6, 1e8, 5), np.geomspace(2e7, 2e9, 4)))
    loss = law.loss(n, d)
    assert project(n, d, loss).loss(n, d) == pytest.approx(loss, rel=1e-4)


def test_a_law_that_is_near_leads_to_the_same_fit_as_the_grid() -> None:
    assert project(*columns(budgets(4)), near=[NEAR]).figures() == pytest.approx(TRUE.figures(), rel=1e-3)


def test_noise_of_a_thousandth_moves_the_exponents_by_little() -> None:
    draw = np.random.default_rng(0)
    n, d, loss = columns(budgets(16))
    law = project(n, d, loss * np.exp(0.001 * draw.standard_normal(len(loss))))
    assert (law.a, law.b) == pytest.approx((TRUE.a, TRUE.b), rel=0.1)
