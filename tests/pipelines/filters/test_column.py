"""The filter on a column: numbers, lists and patterns over JSON texts."""

import json
from typing import Any

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from triptych.pipelines.filters.apply import Filters
from triptych.schemas.config.filters.union import AnyFilter
from triptych.schemas.config.run import Limits

VALUES = ["en", "de", "no", 'a"b\\c', "0.7", "", None, 0.5, 1, 2.0, -3e-7, True, False, ["x", 1], {"k": None}, " 9 "]


def kept(**keys: Any) -> list[Any]:
    rule = TypeAdapter[AnyFilter](AnyFilter).validate_python({"name": "column", "column": "c"} | keys)
    rows = len(VALUES)
    texts = [None if value is None else json.dumps(value) for value in VALUES]
    table = pa.table(
        {"source": ["s"] * rows, "file": ["f"] * rows, "row": list(range(rows)), "text": ["t"] * rows}
        | {"column.c": pa.array(texts, pa.string())}
    )
    outcome = Filters((rule,), Limits()).run(table)
    lines = outcome.dropped.to_pylist()
    assert {line["reason"] for line in lines} <= {"column:c"}
    assert all(line["detail"] for line in lines)
    assert len(lines) + outcome.table.num_rows == rows
    assert [line["detail"] for line in lines if line["row"] == VALUES.index(None)] == ["no value"]
    return [VALUES[row] for row in outcome.table["row"].to_pylist()]


def test_numbers_are_compared_also_where_a_table_holds_them_as_text() -> None:
    assert kept(min=0.6) == ["0.7", 1, 2.0, " 9 "]
    assert kept(max=0.6) == [0.5, -3e-7]
    assert kept(min=0.5, max=1) == ["0.7", 0.5, 1]


def test_a_list_of_values() -> None:
    assert kept(**{"in": ["en", 'a"b\\c', ""]}) == ["en", 'a"b\\c', ""]
    assert kept(**{"in": [1.0, 2, 0.7]}) == ["0.7", 1, 2.0]
    assert kept(**{"in": [True]}) == [True]


def test_the_norwegian_of_yaml() -> None:
    assert kept(**{"in": [False]}) == ["no", False]


def test_a_pattern_is_found_in_strings_without_their_quotes_and_in_other_values_as_json() -> None:
    assert kept(matches="^[a-z]{2}$") == ["en", "de", "no"]
    assert kept(matches=r"b\\c$") == ['a"b\\c']
    assert kept(matches="^true|null") == [True, {"k": None}]


def test_every_condition_must_hold() -> None:
    assert kept(min=0.1, matches=r"\.") == ["0.7", 0.5, 2.0]


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "([a-z]*)*b"])
def test_a_pattern_that_explodes_elsewhere_does_not_hang(pattern: str) -> None:
    rule = TypeAdapter[AnyFilter](AnyFilter).validate_python({"name": "column", "column": "c", "matches": pattern})
    text = json.dumps("a" * 50_000 + "!")
    table = pa.table({"source": ["s"], "file": ["f"], "row": [0], "text": ["t"], "column.c": [text]})
    assert Filters((rule,), Limits()).run(table).dropped.num_rows == 1
