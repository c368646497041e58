"""The items of a list in a JSON file are found wherever they are, and a bad one costs no other."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.pipelines.sources.json_list import KEY_BYTES, NoList, list_items, list_keys
from triptych.pipelines.sources.streams import Broken

LARGE = 1 << 20
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    return iter([data[start : start + size] for start in range(0, len(data), size)])


@settings(deadline=None, max_examples=60)
@given(st.lists(values, max_size=5), st.integers(1, 30), st.booleans(), st.sampled_from([None, 1]))
def test_items_are_those_of_the_parser_however_the_file_is_cut(
    items: list[Any], size: int, ascii_only: bool, indent: int | None
) -> None:
    data = json.dumps(items, ensure_ascii=ascii_only, indent=indent).encode(errors="surrogatepass")
    assert [json.loads(item or b"") for item in list_items(blocks(data, size), None, LARGE)] == items
    tree = {"a": [1, {"wanted": [0]}], "wanted": items, "z": {"wanted": [2]}, 'quo"ted': []}
    data = json.dumps(tree, ensure_ascii=ascii_only, indent=indent).encode(errors="surrogatepass")
    assert [json.loads(item or b"") for item in list_items(blocks(data, size), "wanted", LARGE)] == items
    assert list_keys(blocks(data, size), LARGE) == ["a", "wanted", 'quo"ted']


def test_a_bad_or_large_item_leaves_its_neighbours() -> None:
    large = json.dumps({"text": "w" * 2 * KEY_BYTES + '\\"'}).encode()
    data = b'[{"a": 1}, {"a": nothing}, ' + large + b', 5, {"b": [1, 2]}]'
    for size in (7, 4096, LARGE):
        found = list(list_items(blocks(data, size), None, 100))
        assert found == [b'{"a": 1}', b'{"a": nothing}', None, b"5", b'{"b": [1, 2]}']


def test_a_file_that_ends_early_keeps_what_came_before() -> None:
    for data in (b'[{"a": 1}, {"a": 2', b'[{"a": 1}, {"a": "2', b'[{"a": 1}', b'[{"a": 1}}', b'[{"a": 1}] [2]'):
        items = list_items(iter([data]), None, LARGE)
        if data != b'[{"a": 1}':
            assert next(items) == b'{"a": 1}'
        with pytest.raises(Broken):
            list(items)


def test_a_list_that_is_not_there() -> None:
    for data, key, found in ((b'{"a": [], "b": {}}', "c", ["a"]), (b"[1]", "a", []), (b'{"a": []}', None, [])):
        with pytest.raises(NoList) as error:
            list(list_items(iter([data]), key, LARGE))
        assert error.value.found == found
    assert list_keys(iter([b'{"a": [1]}\n{"a": [2]}']), LARGE) == []  # JSON lines
