"""The filter on a column: its conditions are checked with the run file."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from triptych.schemas.config.filters.column import Column
from triptych.schemas.config.filters.union import AnyFilter


def parsed(**keys: Any) -> Column:
    found: Any = TypeAdapter(AnyFilter).validate_python({"name": "column", "column": "score"} | keys)
    assert isinstance(found, Column)
    return found


def test_a_filter_that_was_written_is_read_again() -> None:
    rule = parsed(**{"in": ["en", 1, 0.5, False], "min": 0.25})
    body = rule.model_dump(mode="json")
    assert body["in"] == ["en", 1, 0.5, False]
    assert TypeAdapter(AnyFilter).validate_python(json.loads(json.dumps(body))) == rule
    assert rule.reason == "column:score"


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({}, "it has no condition"),
        ({"min": 2, "max": 1}, "no row would be kept"),
        ({"matches": "(?=a)"}, "not a regular expression of RE2"),
        ({"matches": "("}, "not a regular expression of RE2"),
        ({"in": []}, "at least 1"),
        ({"min": float("nan")}, "finite"),
    ],
)
def test_what_can_keep_nothing_or_everything_is_refused(keys: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word.replace("(", r"\(")):
        parsed(**keys)
