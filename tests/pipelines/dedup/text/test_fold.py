"""Folded texts are those of Python's own functions, and blocks hold all texts in their order."""

import random
import unicodedata
from itertools import pairwise

import pyarrow as pa
import pytest

from triptych.pipelines.dedup.text.fold import blocks, fold, layout

PIECES = ["a", "É", "E\u0301", "Ä", "ß", " ", "\t", "\u00a0", "\n\n", "漢", "Ω", "\u212b", "x Y"]


def made_up(count: int) -> list[str]:
    draw = random.Random(0)
    return ["".join(draw.choices(PIECES, k=draw.randint(0, 12))) for _ in range(count)]


@pytest.mark.parametrize("case", [False, True])
@pytest.mark.parametrize("space", [False, True])
def test_folding_is_what_python_does(case: bool, space: bool) -> None:
    texts = made_up(300)
    expected = [unicodedata.normalize("NFC", text) for text in texts]
    if case:
        expected = [text.lower() for text in expected]
    if space:
        expected = [" ".join(text.split()) for text in expected]
    assert fold(pa.array(texts), case=case, space=space).to_pylist() == expected


def test_texts_of_ascii_are_folded_alike() -> None:
    assert fold(pa.array([" The\n CAT ", ""]), case=True, space=True).to_pylist() == ["the cat", ""]
    assert fold(pa.array([" The\n CAT ", ""]), case=False, space=False).to_pylist() == [" The\n CAT ", ""]


def test_blocks_are_all_texts_in_order_of_about_a_megabyte() -> None:
    texts = [letter * 300_000 for letter in "abcdefgh"] + ["", "z" * 3_000_000, "last"]
    found = [block.to_pylist() for block in blocks(pa.chunked_array([texts[:5], texts[5:]]))]
    assert [text for block in found for text in block] == texts
    assert len(found) > 3
    assert all(sum(map(len, block[1:])) < 1 << 20 for block in found)


def test_the_layout_of_texts_is_their_bytes_and_offsets() -> None:
    texts = made_up(50)
    data, offsets = layout(pa.array(texts, pa.large_string()))
    cut = [data[low:high].tobytes().decode() for low, high in pairwise(offsets)]
    assert cut == texts
    data, offsets = layout(pa.array([], pa.large_string()))
    assert (len(data), offsets.tolist()) == (0, [0])
