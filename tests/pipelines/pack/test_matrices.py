"""Placed segments become matrices and tables that can be written down by hand for two rows."""

import numpy as np
import pyarrow as pa
import pytest

from triptych.pipelines.pack import matrices
from triptych.pipelines.pack.matrices import Placed, dictionary_of, fill, lists_of, place, segment_lists, span_lists
from triptych.pipelines.pack.segments import split_samples
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.vocabulary import Kind, Modality, Vocabulary

VOCABULARY = Vocabulary(text=50, image=8)  # text from 256, images from 306
ROW = 8
SAMPLES = sample_table(
    [Kind.TEXT, Kind.IMAGE_TEXT, Kind.TEXT],
    {Modality.TEXT: [[7], [1], list(range(10, 19))], Modality.IMAGE: [None, [5, 2], None]},
    {"text": 50, "image": 8},
)


def placed() -> Placed:
    """The pair and the rest of the long text in row 1, its first piece in row 0, and the short text in row 2."""
    segments = split_samples(SAMPLES, ROW)
    assert segments.sample.tolist() == [0, 1, 2, 2]
    assert segments.length.tolist() == [3, 7, 8, 4]
    return place(segments, np.array([2, 1, 0, 2]), np.array([4, 0, 0, 0]), 3)


@pytest.mark.parametrize("slice_tokens", [1, 8, 1 << 18])
def test_the_matrices_and_spans_of_three_rows(monkeypatch: pytest.MonkeyPatch, slice_tokens: int) -> None:
    monkeypatch.setattr(matrices, "SLICE_TOKENS", slice_tokens)
    filled, spans = fill(SAMPLES, placed(), VOCABULARY, ROW)
    task, eos, boi, eoi = 15, 2, 3, 4
    assert filled["tokens"].tolist() == [
        [task, 266, 267, 268, 269, 270, 271, 272],
        [task, 257, eos, boi, 311, 308, eoi, 0],
        [task, 273, 274, eos, task, 263, eos, 0],
    ]
    assert filled["segment"].tolist() == [[1] * 8, [1] * 7 + [0], [1, 1, 1, 1, 2, 2, 2, 0]]
    assert filled["modality"].tolist() == [[0] + [1] * 7, [0, 1, 1, 0, 2, 2, 0, 0], [0, 1, 1, 1, 0, 1, 1, 0]]
    assert spans.to_pylist() == [
        {"index": 0, "modality": 1, "start": 5, "length": 1},
        {"index": 1, "modality": 1, "start": 1, "length": 1},
        {"index": 1, "modality": 2, "start": 4, "length": 2},
        {"index": 2, "modality": 1, "start": 1, "length": 7},
        {"index": 3, "modality": 1, "start": 1, "length": 2},
    ]


def test_tables_list_the_segments_of_each_row_in_order() -> None:
    where = placed()
    assert where.number.tolist() == [2, 1, 1, 1]
    _, spans = fill(SAMPLES, where, VOCABULARY, ROW)
    lists = segment_lists(SAMPLES, where, np.array([1, 2, 14, 4])).to_pylist()
    rows = [
        [(s["row"], s["start"], s["length"], s["offset"], s["last"], s["text_bytes"]) for s in row] for row in lists
    ]
    assert rows == [[(2, 0, 8, 0, False, 14)], [(1, 0, 7, 0, True, 2)], [(2, 0, 4, 7, True, 4), (0, 4, 3, 0, True, 1)]]
    listed = [[tuple(span.values()) for span in row] for row in span_lists(spans, where).to_pylist()]
    assert listed == [[(1, 1, 1, 7)], [(1, 1, 1, 1), (1, 2, 4, 2)], [(1, 1, 1, 2), (2, 1, 5, 1)]]


def test_the_dictionary_of_a_column_does_not_depend_on_the_order_of_rows() -> None:
    values = ["b", None, "a", "c", "b"]
    forth, back = (dictionary_of(pa.chunked_array([order[:2], order[2:]])) for order in (values, values[::-1]))
    assert forth.dictionary == back.dictionary == pa.array(["a", "b", "c"])
    assert (forth.to_pylist(), back.to_pylist()) == (values, values[::-1])


def test_lists_may_be_empty_at_either_end_and_between() -> None:
    struct = pa.struct([pa.field("n", pa.int32(), nullable=False)])
    lists = lists_of({"n": np.arange(4)}, struct, np.array([1, 1, 3, 3]), 5)
    assert [[entry["n"] for entry in row] for row in lists.to_pylist()] == [[], [0, 1], [], [2, 3], []]
    assert lists.type.value_type == struct
