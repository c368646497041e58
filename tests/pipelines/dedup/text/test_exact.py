import unicodedata

import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.dedup.text.exact import text_keys
from triptych.pipelines.dedup.text.fold import blocks
from triptych.schemas.config.dedup import TextDedup

BOTH, NEITHER = TextDedup(), TextDedup(fold_case=False, fold_space=False)
texts = st.text(st.sampled_from("aAbÉe\u0301ǅßЖж漢한\u1112\u1161\u11ab \t\n\u00a0\u3000\u200b"), max_size=8)


def keys(values: list[str], config: TextDedup = BOTH) -> list[bytes]:
    return [bytes(key) for key in text_keys(pa.chunked_array([pa.array(values, pa.string())]), config).to_pylist()]


@given(st.lists(texts, max_size=6), st.booleans(), st.booleans())
def test_keys_are_the_same_where_the_folded_texts_are(values: list[str], case: bool, space: bool) -> None:
    def folded(text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        text = "".join(letter.lower() for letter in text) if case else text
        return " ".join(text.split()) if space else text

    expected = [xxhash.xxh3_128_digest(folded(text).encode()) for text in values]
    assert keys(values, TextDedup(fold_case=case, fold_space=space)) == expected


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        ("caf\u00e9", "cafe\u0301", (True, True, True, True)),
        ("A word", "a word", (True, True, False, False)),
        (" a\u3000\nword\u00a0", "a word", (True, False, True, False)),
        ("a word", "aword", (False, False, False, False)),
        ("", " \t", (True, False, True, False)),
    ],
)
def test_what_is_folded_is_as_configured(left: str, right: str, alike: tuple[bool, ...]) -> None:
    settings = [TextDedup(fold_case=case, fold_space=space) for case in (True, False) for space in (True, False)]
    assert tuple(keys([left], config) == keys([right], config) for config in settings) == alike


def test_keys_depend_on_no_neighbour_slice_or_chunk() -> None:
    values = ["one", "", "zwei Wörter", "三"]
    whole = keys(values)
    array = pa.array(["before", *values, "after"]).slice(1, 4)
    chunked = pa.chunked_array([array.slice(0, 1), array.slice(1, 0), array.slice(1)])
    assert [bytes(key) for key in text_keys(chunked, BOTH).to_pylist()] == whole
    assert [keys([value])[0] for value in values] == whole


def test_a_column_without_texts_has_no_keys() -> None:
    empty = text_keys(pa.chunked_array([], pa.string()), BOTH)
    assert (empty.type, len(empty)) == (pa.binary(16), 0)


@given(st.lists(st.integers(0, 1 << 21), max_size=12))
def test_blocks_are_all_texts_in_their_order_and_of_a_megabyte_beside_their_first(sizes: list[int]) -> None:
    column = pa.chunked_array([pa.array(["x" * size for size in sizes], pa.string())])
    found = list(blocks(column))
    assert pa.chunked_array(found, pa.string()).to_pylist() == column.to_pylist()
    assert all(sum(map(len, block.to_pylist()[1:])) <= 1 << 20 for block in found)
