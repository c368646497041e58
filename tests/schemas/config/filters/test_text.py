"""A text filter has a bound and leaves something between its bounds."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from triptych.schemas.config.filters.text import Repetition, TextFilter, TextLength

FILTER: TypeAdapter[TextFilter] = TypeAdapter(TextFilter)


@pytest.mark.parametrize("what", ["chars", "words"])
def test_bounds_on_length_may_meet_but_not_cross(what: str) -> None:
    for bounds in ({f"min_{what}": 3}, {f"max_{what}": 3}, {f"min_{what}": 3, f"max_{what}": 3}):
        assert FILTER.validate_python({"name": "text_length", **bounds}).model_dump(exclude_none=True) == {
            "name": "text_length",
            **bounds,
        }
    with pytest.raises(ValidationError, match=f"`min_{what}: 4` is above `max_{what}: 3`; no text would be kept"):
        FILTER.validate_python({"name": "text_length", f"min_{what}": 4, f"max_{what}": 3})


def test_length_without_a_bound_is_refused_and_bounds_of_two_measures_are_not_compared() -> None:
    with pytest.raises(ValidationError, match="it has no bound"):
        FILTER.validate_python({"name": "text_length"})
    assert TextLength(name="text_length", min_chars=50, max_words=9).min_chars == 50


def test_shares_of_n_grams_are_by_n_from_2_to_20() -> None:
    made = FILTER.validate_python({"name": "repetition", "max_top_ngram": {"2": 0.5, 20: 1}})
    assert isinstance(made, Repetition)
    assert made.max_top_ngram == {2: 0.5, 20: 1.0}
    assert sorted(made.max_duplicate_ngrams) == [5, 6, 7, 8, 9, 10]
    for grams in ({1: 0.5}, {21: 0.5}, {2: 1.5}):
        with pytest.raises(ValidationError, match="max_top_ngram"):
            FILTER.validate_python({"name": "repetition", "max_top_ngram": grams})


@pytest.mark.parametrize(
    "options",
    [
        {"name": "symbol_ratio", "max_symbols": -1},
        {"name": "symbol_ratio", "min_alphabetic": 1.1},
        {"name": "language", "keep": []},
        {"name": "language", "keep": ["en"], "min_confidence": 2},
        {"name": "pii", "max": -1},
    ],
)
def test_thresholds_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        FILTER.validate_python(options)
    assert [*options][-1] in {error["loc"][-1] for error in caught.value.errors()}
