"""Texts come out of lists, structs and paths in their order, without nulls, from the first column that has any."""

from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.sources.text_columns import first_texts, list_bytes, stored_column, text_lists, text_type

TALKS = pa.list_(pa.struct({"from": pa.string(), "value": pa.string()}))


def texts(columns: dict[str, Any], *names: str) -> list[list[bytes] | None]:
    found: list[list[bytes] | None] = text_lists(pa.table(columns), names).to_pylist()
    return found


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.large_string())])
def test_lists_without_nulls_and_without_empty_lists(kind: pa.DataType) -> None:
    column = pa.array([["a", None, "b"], [], None, [None]], kind)
    assert texts({"t": column}, "t") == [[b"a", b"b"], None, None, None]


def test_the_first_column_with_a_text_gives_all_texts_of_a_row() -> None:
    columns = {"one": ["a", None, None], "many": pa.array([["x"], ["y", "z"], None])}
    assert texts(columns, "one", "many") == [[b"a"], [b"y", b"z"], None]
    assert texts(columns, "many", "one") == [[b"x"], [b"y", b"z"], None]


def test_a_path_takes_the_items_with_the_value_of_its_key() -> None:
    talk = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}, {"from": "gpt", "value": "b"}]
    column = pa.array([talk, [{"from": None, "value": "n"}], None], TALKS)
    assert texts({"c": column}, "c[from=gpt].value") == [[b"a", b"b"], None, None]
    assert texts({"c": column}, "c[].value") == [[b"q", b"a", b"b"], [b"n"], None]


def test_slices_of_a_table_and_several_chunks() -> None:
    column = pa.chunked_array([[["a"], ["b"]], [["c", "d"]]], pa.list_(pa.string()))
    assert text_lists(pa.table({"t": column}).slice(1), ["t"]).to_pylist() == [[b"b"], [b"c", b"d"]]


def test_the_type_of_the_texts_tells_of_a_path_that_leads_nowhere() -> None:
    assert text_type(pa.list_(pa.string()), "t", "t") == pa.string()
    assert text_type(TALKS, "c[from=gpt].value", "c") == pa.string()
    for name in ("c[from=gpt].other", "c[other=gpt].value"):
        assert text_type(TALKS, name, "c") == pa.bool_()
    assert text_type(pa.string(), "c[].value", "c") == pa.bool_()


def test_a_column_that_looks_like_a_path_is_that_column() -> None:
    assert stored_column("c[].value", ["c"]) == "c"
    assert stored_column("c[].value", ["c", "c[].value"]) == "c[].value"


def test_first_texts_and_sizes_of_lists() -> None:
    lists = pa.array([["é".encode(), b"b"], None], pa.large_list(pa.large_binary()))
    assert first_texts(lists).to_pylist() == ["é".encode(), None]
    assert list_bytes(lists).tolist() == [3, 0]
