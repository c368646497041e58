"""Budgets of runs of equal cost, and the least points of a law that is known."""

import numpy as np
import pytest

from triptych.train.scaling.isoflop import Budget, BudgetMinimum, budgets_of, group_similar, optimum

from .laws import TRUE


def budget(best: float, sizes: list[float]) -> Budget:
    """Runs of the cost for which a size is the best one."""
    cost = 6 * best * TRUE.k * best**TRUE.e
    n = np.array(sizes)
    return Budget(n, cost / (6 * n), np.full(len(n), cost), TRUE.loss(n, cost / (6 * n)))


def test_the_least_point_of_a_law_is_found() -> None:
    runs = budget(3e6, [1e6, 2e6, 4e6, 8e6])
    tokens = TRUE.k * 3e6**TRUE.e
    assert runs.minimum(TRUE) == pytest.approx((3e6, tokens, float(TRUE.loss(3e6, tokens))), rel=1e-3)
    assert runs.cost == pytest.approx(6 * 3e6 * tokens)
    assert runs.tokens_at([1e6, 3e6]) == pytest.approx([runs.tokens[0], tokens])


def test_without_a_least_point_among_the_sizes_there_is_none() -> None:
    assert budget(9e6, [1e6, 2e6, 4e6, 8e6]).minimum(TRUE) is None
    assert budget(0.9e6, [1e6, 2e6, 4e6, 8e6]).minimum(TRUE) is None


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
    minima = [BudgetMinimum(one, 20 * one**1.5, 2.0) for one in n.tolist()]
    costs = [6 * one.parameters * one.tokens for one in minima]  # C = 120 N^2.5
    assert optimum(minima, costs) == pytest.approx({"k": 20, "e": 1.5, "N by C": 0.4, "D by C": 0.6}, rel=1e-9)
