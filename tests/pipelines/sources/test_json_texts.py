"""Columns as JSON texts: the same from Arrow's types as from parsed JSON."""

import datetime
import json
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.sources.json_texts import has_json, json_object, json_text, json_texts

DOUBLES = st.floats(width=64) | st.integers(-(2**53), 2**53).map(float)


def texts_of(values: list[Any], kind: pa.DataType) -> list[str | None]:
    found: list[str | None] = json_texts(pa.chunked_array([pa.array(values, kind)])).to_pylist()
    return found


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.none()))
def test_strings_are_what_json_makes_of_them(values: list[str | None]) -> None:
    wanted = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    assert texts_of(values, pa.string()) == wanted == [json_text(value) for value in values]


@given(st.lists(DOUBLES))
def test_doubles_keep_every_digit(values: list[float]) -> None:
    found = texts_of(values, pa.float64())
    assert found == [json_text(value) for value in values]
    for value, text in zip(values, found, strict=True):
        assert text is None if not math.isfinite(value) else json.loads(str(text)) == value


@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1)))
def test_a_whole_number_is_written_alike_whatever_read_it(values: list[int]) -> None:
    assert texts_of([float(value) for value in values], pa.float64()) == texts_of(values, pa.int64())


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.null(), None, None),
        (pa.bool_(), True, "true"),
        (pa.uint64(), 2**64 - 1, "18446744073709551615"),
        (pa.float32(), 0.1, "0.1"),
        (pa.float16(), 0.5, "0.5"),
        (pa.decimal128(5, 2), Decimal("1.50"), "1.50"),
        (pa.large_string(), "é\x01", '"é\\u0001"'),
        (pa.string_view(), "a", '"a"'),
        (pa.dictionary(pa.int8(), pa.string()), "a", '"a"'),
        (pa.date32(), datetime.date(2024, 1, 2), '"2024-01-02"'),
        (pa.timestamp("s"), datetime.datetime(2024, 1, 2, 3, 4, 5), '"2024-01-02 03:04:05"'),
        (pa.list_(pa.float32()), [1.5, None], "[1.5, null]"),
        (pa.struct([("a", pa.string()), ("b", pa.float64())]), {"a": "é", "b": math.nan}, '{"a": "é", "b": null}'),
    ],
)
def test_every_type_has_a_text(kind: pa.DataType, value: Any, text: str | None) -> None:
    assert has_json(kind)
    assert texts_of([value, None], kind) == [text, None]


def test_bytes_have_none() -> None:
    for kind in (pa.binary(), pa.list_(pa.binary(4)), pa.struct([("a", pa.large_binary())])):
        assert not has_json(kind)


def test_text_that_is_not_utf_8_is_made_visible() -> None:
    broken = pa.array([b"a\xff"], pa.binary()).view(pa.string())
    assert json_texts(pa.chunked_array([broken])).to_pylist() == ['"a\\\\xff"']
    assert json_text("a\ud800") == '"a\\\\ud800"'


def test_an_object_names_every_column() -> None:
    one, two = pa.chunked_array([["1", None]]), pa.chunked_array([['"x"', '"y"']])
    assert json_object([('a"', one), ("b", two)]).to_pylist() == ['{"a\\"": 1, "b": "x"}', '{"a\\"": null, "b": "y"}']
