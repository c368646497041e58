"""Standard errors against formulas, and the same each time."""

import numpy as np
import pytest

from triptych.train.evaluate.standard_errors import bootstrap_error, jackknife_error, mean_error, ratio_error

VALUES = np.random.default_rng(1).gamma(2.0, size=400)


def test_a_bootstrap_of_a_mean_agrees_with_the_formula_and_with_itself() -> None:
    error = bootstrap_error(lambda values, axis: values.mean(axis=axis), VALUES)
    assert error == pytest.approx(mean_error(VALUES), rel=0.1)
    assert error == bootstrap_error(lambda values, axis: values.mean(axis=axis), VALUES)


def test_a_ratio_draws_whole_pairs() -> None:
    # errors that are the same share of the words in every pair leave nothing to vary
    assert ratio_error(VALUES / 4, VALUES) == pytest.approx(0, abs=1e-12)
    assert ratio_error(VALUES, np.ones_like(VALUES)) == pytest.approx(mean_error(VALUES), rel=0.1)


def test_a_jackknife_of_a_mean_is_the_formula() -> None:
    few = VALUES[:20]
    assert jackknife_error(lambda kept: float(few[kept].mean()), len(few)) == pytest.approx(mean_error(few))
    many = jackknife_error(lambda kept: float(VALUES[kept].mean()), len(VALUES))
    assert many == pytest.approx(mean_error(VALUES), rel=0.4)  # 32 blocks


def test_one_value_has_no_error() -> None:
    assert mean_error([3.0]) is None
    assert ratio_error([1], [2]) is None
    assert jackknife_error(lambda kept: 0.0, 1) is None
