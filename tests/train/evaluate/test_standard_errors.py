"""Standard errors against formulas, and the same each time."""

import numpy as np
import pytest

from triptych.train.evaluate.standard_errors import (
    bootstrap_error,
    jackknife_error,
    mean_error,
    ratio_error,
    wilson_interval,
)

VALUES = np.random.default_rng(1).gamma(2.0, size=400)


def test_a_bootstrap_of_a_mean_agrees_with_the_formula_and_with_itself() -> None:
    error = bootstrap_error(lambda values, axis: values.mean(axis=axis), VALUES)
    assert error == pytest.approx(mean_error(VALUES), rel=0.1)
    assert error == bootstrap_error(lambda values, axis: values.mean(axis=axis), VALUES)


def test_a_ratio_draws_whole_pairs() -> None:
    # errors that are the same share of the words in every pair leave nothing to vary: no error rather than one of 0
    assert ratio_error(VALUES / 4, VALUES) is None
    assert ratio_error(VALUES, np.ones_like(VALUES)) == pytest.approx(mean_error(VALUES), rel=0.1)


def test_a_jackknife_of_a_mean_is_the_formula() -> None:
    few = VALUES[:20]
    assert jackknife_error(lambda kept: float(few[kept].mean()), len(few)) == pytest.approx(mean_error(few))
    many = jackknife_error(lambda kept: float(VALUES[kept].mean()), len(VALUES))
    assert many == pytest.approx(mean_error(VALUES), rel=0.4)  # 32 blocks


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_values_have_no_error(count: int) -> None:
    values = VALUES[:count]
    assert mean_error(values) is None
    assert ratio_error(values, values + 1) is None
    assert jackknife_error(lambda kept: float(values[kept].mean()), count) is None
    assert wilson_interval(1, count) is None


def test_values_that_do_not_vary_have_no_error_of_0() -> None:
    same = np.full(9, 0.1)
    assert mean_error(same) is None
    assert ratio_error(same, np.ones(9)) is None
    assert jackknife_error(lambda kept: float(same[kept].mean()), 9) is None


def test_a_share_has_wilsons_interval() -> None:
    # by hand, z = 1.959964
    assert wilson_interval(5, 20) == pytest.approx((0.1118617, 0.4687009), abs=1e-6)
    low, high = wilson_interval(0, 12) or (1, 0)
    assert low == 0
    assert high == pytest.approx(0.2425, abs=1e-3)
    assert wilson_interval(12, 12) == pytest.approx((1 - high, 1), abs=1e-12)
