import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.dedup.text.bands import bands_of, chance, s_curve

thresholds = st.floats(0.3, 0.99)
permutations = st.integers(16, 1024)


@given(thresholds, permutations)
def test_rows_are_as_many_as_keep_a_pair_at_the_threshold_a_likely_candidate(threshold: float, count: int) -> None:
    bands, rows = bands_of(threshold, count)
    assert bands * rows <= count < (bands + 1) * rows
    assert chance(threshold, bands, rows) >= 0.95
    for more in range(rows + 1, count + 1):
        assert chance(threshold, count // more, more) < 0.95


@pytest.mark.parametrize(("threshold", "expected"), [(0.7, (25, 5)), (0.8, (18, 7)), (0.9, (10, 12))])
def test_the_bands_that_the_documentation_names(threshold: float, expected: tuple[int, int]) -> None:
    assert bands_of(threshold, 128) == expected


def test_the_chance_is_that_of_a_common_band_among_independent_places() -> None:
    rng = np.random.default_rng(0)
    for similarity in (0.3, 0.6, 0.8):
        places = rng.random((20_000, 10, 4)) < similarity
        share = np.any(places.all(axis=2), axis=1).mean()
        assert abs(share - chance(similarity, 10, 4)) < 4 * np.sqrt(0.25 / 20_000)


def test_the_curve_rises_from_none_to_all() -> None:
    similarities, chances = zip(*s_curve(25, 5), strict=True)
    assert (similarities[0], similarities[-1], chances[0], chances[-1]) == (0, 1, 0, 1)
    assert list(chances) == sorted(chances)
    assert dict(s_curve(25, 5))[0.7] == chance(0.7, 25, 5)
