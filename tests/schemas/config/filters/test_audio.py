"""An audio filter has a bound and leaves something between its bounds."""

import pytest
from pydantic import TypeAdapter, ValidationError

from triptych.schemas.config.filters.audio import AudioFilter, Duration, TranscriptRate

FILTER: TypeAdapter[AudioFilter] = TypeAdapter(AudioFilter)
RANGES = [("duration", "min_seconds", "max_seconds"), ("transcript_rate", "min", "max")]


@pytest.mark.parametrize(("name", "least", "most"), RANGES)
def test_one_bound_is_enough_and_none_is_too_few(name: str, least: str, most: str) -> None:
    for bounds, expected in (
        ({least: 2.0}, (2.0, None)),
        ({most: 2.0}, (None, 2.0)),
        ({least: 2.0, most: 2.0}, (2.0, 2.0)),
    ):
        made = FILTER.validate_python({"name": name, **bounds})
        assert isinstance(made, Duration | TranscriptRate)
        assert made.bounds == expected
    with pytest.raises(ValidationError, match="it has no bound"):
        FILTER.validate_python({"name": name})


@pytest.mark.parametrize(("name", "least", "most"), RANGES)
def test_bounds_that_keep_no_clip_are_refused(name: str, least: str, most: str) -> None:
    with pytest.raises(ValidationError, match=r"lower bound 2\.5 is above its upper bound 2;"):
        FILTER.validate_python({"name": name, least: 2.5, most: 2.0})
    with pytest.raises(ValidationError, match="greater than 0"):
        FILTER.validate_python({"name": name, least: 0})


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("silence", "max_share", 1.1),
        ("silence", "threshold_db", 0.0),
        ("silence", "threshold_db", -121.0),
        ("clipping", "max_share", -0.1),
    ],
)
def test_shares_and_levels_out_of_range_are_refused(name: str, key: str, value: float) -> None:
    assert FILTER.validate_python({"name": name}).name == name  # every threshold has a default
    with pytest.raises(ValidationError, match=rf"{key}\n"):
        FILTER.validate_python({"name": name, key: value})
