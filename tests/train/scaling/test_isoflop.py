"""Budgets of runs of equal cost, and the least points of parabolas that are known."""

import numpy as np
import pytest

from triptych.train.scaling.isoflop import Budget, ParabolaMinimum, budgets_of, group_similar, optimum

COST = 6e15


def budget(best: float, sizes: list[float], wrong: float = 0.0) -> Budget:
    """Losses 2 + 0.1 (log N - log best)², every other run off by a share `wrong` up or down."""
    n = np.array(sizes)
    loss = (2 + 0.1 * np.log(n / best) ** 2) * (1 + wrong * (-1.0) ** np.arange(len(n)))
    return Budget(n, COST / (6 * n), np.full(len(n), COST), loss)


def test_the_least_point_of_a_parabola_is_found() -> None:
    runs = budget(3e6, [1e6, 2e6, 4e6, 8e6])
    assert runs.minimum() == pytest.approx((3e6, COST / 6 / 3e6, 2.0), rel=1e-6)
    assert runs.cost == pytest.approx(COST)
    assert runs.residuals() == pytest.approx(np.zeros(4), abs=1e-9)


def test_without_a_least_point_among_the_sizes_there_is_none() -> None:
    assert budget(9e6, [1e6, 2e6, 4e6, 8e6]).minimum() is None
    assert budget(0.9e6, [1e6, 2e6, 4e6, 8e6]).minimum() is None
    runs = budget(3e6, [1e6, 2e6, 4e6, 8e6])
    turned = Budget(runs.parameters, runs.tokens, runs.flops, 5 - runs.loss)  # a greatest point instead
    assert turned.minimum() is None


def test_residuals_put_back_give_the_losses_that_they_came_from() -> None:
    runs = budget(3e6, [1e6, 2e6, 3e6, 4e6, 8e6, 9e6, 12e6], wrong=0.01)
    scale = np.sqrt(7 / (7 - 3))
    assert runs.with_residuals(runs.residuals() / scale).loss == pytest.approx(runs.loss)
    assert runs.with_residuals(np.zeros(7)).residuals() == pytest.approx(np.zeros(7), abs=1e-9)


def test_values_that_are_alike_are_one_group() -> None:
    groups = group_similar(np.array([100.0, 10.0, 11.9, 12.1, 101.0]))
    assert [group.tolist() for group in groups] == [[1, 2], [3], [0, 4]]


def test_a_budget_takes_four_sizes() -> None:
    n = np.array([1e6, 2e6, 3e6, 3e6, 1e6, 2e6, 3e6, 4e6])
    flops = np.array([1e15] * 4 + [1e16] * 4)
    found = budgets_of(n, flops / (6 * n), flops, np.linspace(3, 2, 8))
    assert [one.parameters.tolist() for one in found] == [[1e6, 2e6, 3e6, 4e6]]
    assert found[0].loss.tolist() == pytest.approx(np.linspace(3, 2, 8)[4:].tolist())


def test_exponents_are_those_of_a_power_law() -> None:
    n = np.geomspace(1e6, 1e8, 4)
    minima = [ParabolaMinimum(one, 20 * one**1.5, 2.0) for one in n.tolist()]
    costs = [6 * one.parameters * one.tokens for one in minima]  # C = 120 N^2.5
    assert optimum(minima, costs) == pytest.approx({"k": 20, "e": 1.5, "N by C": 0.4, "D by C": 0.6}, rel=1e-9)
