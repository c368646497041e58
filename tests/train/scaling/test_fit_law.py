"""A law fitted to losses without noise is the one that gave them, and splits a budget where its loss is least."""

import numpy as np
import pytest
from hypothesis import given, settings

from triptych.train.scaling.fit_law import Law, fit_law

from .laws import LAWS, NEAR, TRUE

N, D = (part.ravel() for part in np.meshgrid([1e6, 3e6, 1e7, 3e7, 1e8], [2e7, 1e8, 5e8, 2e9]))


def test_without_noise_the_law_is_found_to_the_digit() -> None:
    found = fit_law(N, D, TRUE.loss(N, D))
    assert found.figures() == pytest.approx(TRUE.figures(), rel=1e-3)


@settings(max_examples=4)
@given(LAWS)
def test_any_law_is_found(law: Law) -> None:
    loss = law.loss(N, D)
    assert fit_law(N, D, loss).loss(N, D) == pytest.approx(loss, rel=1e-4)


def test_a_law_that_is_near_leads_to_the_same_fit_as_the_grid() -> None:
    found = fit_law(N, D, TRUE.loss(N, D), near=[NEAR])
    assert found.figures() == pytest.approx(TRUE.figures(), rel=1e-3)


def test_loss_and_best_split_are_those_worked_out_by_hand() -> None:
    law = Law(E=1.0, A=8.0, a=0.5, B=27.0, b=0.25)
    assert law.loss(16, 81) == pytest.approx(1 + 8 / 4 + 27 / 3)
    assert law.e == 2.0
    assert law.k == pytest.approx((0.25 * 27 / (0.5 * 8)) ** 4)
    best = law.k * 100.0**law.e
    sizes = 100 * np.array([0.9, 0.99, 1.0, 1.01, 1.1])
    assert law.loss(sizes, 100 * best / sizes).argmin() == 2  # of all that cost the same
