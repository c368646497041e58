"""Arrow types in words, the storage of columns, and licences of any type as JSON."""

import pyarrow as pa
import pytest

from triptych.pipelines.sources.column_types import in_words, is_json, json_licenses, storage_of, stored


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (pa.bool_(), "true and false (bool)"),
        (pa.float16(), "numbers (halffloat)"),
        (pa.list_(pa.string(), 2), "lists (fixed_size_list<item: string>[2])"),
        (pa.binary(), "binary"),
    ],
)
def test_types_in_words(kind: pa.DataType, words: str) -> None:
    assert in_words(kind) == words


def test_dictionaries_are_stored_as_their_values() -> None:
    words = pa.chunked_array([pa.array(["a", None]).dictionary_encode(), pa.array(["b"]).dictionary_encode()])
    assert stored(words).to_pylist() == [b"a", None, b"b"]
    numbers = stored(pa.chunked_array([pa.array([7, 7]).dictionary_encode()]))
    assert (numbers.type, numbers.to_pylist()) == (pa.int64(), [7, 7])
    plain = pa.chunked_array([pa.array(["a"])])
    assert stored(plain) is plain


def test_extension_types_are_stored_as_what_they_hold() -> None:
    column = pa.chunked_array([pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"x" * 16], pa.binary(16)))])
    assert storage_of(column.type) == stored(column).type == pa.binary(16)
    assert stored(column).to_pylist() == [b"x" * 16]


@pytest.mark.parametrize(
    ("kind", "fits"),
    [
        (pa.string(), False),
        (pa.int8(), True),
        (pa.list_(pa.string()), True),
        (pa.list_(pa.null()), True),
        (pa.struct([("name", pa.dictionary(pa.int8(), pa.string())), ("n", pa.list_(pa.int64()))]), True),
        (pa.struct([("data", pa.binary())]), False),
        (pa.timestamp("s"), False),
    ],
)
def test_types_that_json_can_hold(kind: pa.DataType, fits: bool) -> None:
    assert is_json(kind) is fits


def test_licences_of_lists_and_structs_are_json() -> None:
    values = [["MIT", "BSD"], None, []]
    assert json_licenses(pa.chunked_array([pa.array(values)])).to_pylist() == ['["MIT", "BSD"]', None, "[]"]
    broken = pa.array([[b"\xff"]], pa.list_(pa.binary())).cast(pa.list_(pa.string()), safe=False)
    assert json_licenses(pa.chunked_array([broken])).to_pylist() == [None]
