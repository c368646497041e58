"""Synthetic runs whose law is known: what comes out is what went in, within its interval."""

import numpy as np
import pytest

from triptych.schemas.errors import Refusal
from triptych.train.scaling.collect import Point
from triptych.train.scaling.estimates import fit
from triptych.train.scaling.fit_law import Law

TRUE = Law(E=1.7, A=400.0, a=0.34, B=410.0, b=0.28)
SIZES = (1e6, 3e6, 1e7, 3e7, 1e8)
HORIZONS = (2e7, 1e8, 5e8, 2e9)


def runs(law: Law, noise: float, seed: int = 0, sizes: tuple[float, ...] = SIZES) -> list[Point]:
    """All sizes with all horizons."""
    draw = np.random.default_rng(seed)
    grid = [(size, tokens) for size in sizes for tokens in HORIZONS]
    return [
        Point(f"{n}-{d}", int(n), int(d), 6 * n * d, float(law.loss(n, d) * np.exp(noise * draw.standard_normal())))
        for n, d in grid
    ]


def isoflop(law: Law, noise: float, seed: int = 0) -> list[Point]:
    """Four budgets with seven sizes about each one's best."""
    draw, points = np.random.default_rng(seed), []
    ideal = np.geomspace(1e6, 1e8, 4)
    for best in ideal:
        cost = 6 * best * law.k * best**law.e
        for size in best * np.geomspace(0.25, 4, 7):
            tokens = cost / (6 * size)
            loss = float(law.loss(size, tokens) * np.exp(noise * draw.standard_normal()))
            points.append(Point(f"{size}", int(size), int(tokens), cost, loss))
    return points


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.train.scaling.estimates.RESAMPLES", 60)


def test_what_is_known_lies_within_the_intervals_nineteen_times_in_twenty() -> None:
    inside = dict.fromkeys(TRUE.figures(), 0)
    fits = 6
    for seed in range(fits):
        found = fit(runs(TRUE, 0.004, seed)).figures
        for name, value in TRUE.figures().items():
            inside[name] += found[name].low <= value <= found[name].high
    assert sum(inside.values()) / (fits * len(inside)) > 0.85, inside  # 42 intervals, seven of a fit alike
    assert found["a"].high - found["a"].low < 0.2


def test_tokens_for_a_size_are_those_that_cost_least() -> None:
    found = fit(runs(TRUE, 0.0))
    for size in found.sizes:
        cost = size.parameters * size.tokens.value
        around = size.parameters * np.array([0.9, 1.0, 1.1])
        assert TRUE.loss(around, cost / around).argmin() == 1


def test_least_points_of_budgets_are_found() -> None:
    points = isoflop(TRUE, 0.0005)
    found = fit(points)
    assert len(found.budgets) == 4
    for budget, best in zip(found.budgets, np.geomspace(1e6, 1e8, 4), strict=True):
        assert budget.minimum is not None
        assert budget.minimum.parameters == pytest.approx(best, rel=0.25)
        assert budget.runs.cost == pytest.approx(budget.minimum.parameters * budget.minimum.tokens * 6, rel=1e-3)
        low, high = budget.figures["parameters"][1:]
        assert low < budget.minimum.parameters < high
    assert found.optimum["e"].low <= TRUE.e <= found.optimum["e"].high
    assert found.optimum["N by C"].value == pytest.approx(TRUE.b / (TRUE.a + TRUE.b), abs=0.05)
    assert found.optimum["N by C"].value + found.optimum["D by C"].value == pytest.approx(1, abs=1e-3)


def test_a_least_point_beyond_the_sizes_is_none() -> None:
    points = [point for point in isoflop(TRUE, 0.0)[:7] if point.parameters < 0.7e6]  # too small all of them
    points += runs(TRUE, 0.0)
    found = fit([*points, Point("four", 500_000, points[0].tokens, points[0].flops, points[0].loss)])
    assert [budget.minimum for budget in found.budgets] == [None]
    assert found.optimum == {}
    assert "of 1 budgets with 4 sizes, 0 have a minimum" in found.missing


def test_the_same_runs_give_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.train.scaling.estimates.RESAMPLES", 10)
    points = runs(TRUE, 0.01, sizes=SIZES[:3])
    assert fit(points, seed=3).figures == fit(points, seed=3).figures
    assert fit(points, seed=3).figures != fit(points, seed=4).figures


@pytest.mark.parametrize("points", [runs(TRUE, 0.0)[:7], runs(TRUE, 0.0, sizes=SIZES[:2])])
def test_too_few_runs_are_refused(points: list[Point]) -> None:
    with pytest.raises(
        Refusal, match=r"takes 8 finished runs, of 3 sizes and 3 numbers of tokens at least; there are \d, of 2"
    ):
        fit(points)
