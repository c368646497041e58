import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.pack.segments import split_samples, text_bytes
from triptych.schemas.dataset.layout import TASK_SLOT, content, content_lengths, sample_table
from triptych.schemas.vocabulary import Kind, Modality, Vocabulary

VOCABULARY = Vocabulary(text=50, image=8, audio=(4, 4))
SIZES = {"text": 50, "image": 8, "audio": 4}
ROW = 17
TOKEN_BYTES = np.array([1 + i % 5 for i in range(50)], np.int32)


@st.composite
def tables(draw: Any) -> pa.Table:
    kinds = draw(st.lists(st.sampled_from([Kind.TEXT, Kind.TEXT, Kind.IMAGE_TEXT, Kind.AUDIO_TEXT]), max_size=6))
    lengths = [draw(st.integers(0, 60 if kind is Kind.TEXT else 14)) for kind in kinds]
    texts = [[(7 * i + j) % 50 for j in range(length)] for i, length in enumerate(lengths)]
    codes: dict[Modality, Sequence[list[int] | None]] = {
        Modality.TEXT: texts,
        Modality.IMAGE: [[3] * 6 if kind is Kind.IMAGE_TEXT else None for kind in kinds],
        Modality.AUDIO: [[1, 2] * 3 if kind is Kind.AUDIO_TEXT else None for kind in kinds],
    }
    table = sample_table(kinds, codes, SIZES)
    sizes = [int(TOKEN_BYTES[row].sum()) for row in texts]
    return table.set_column(table.column_names.index("text_bytes"), "text_bytes", pa.array(sizes, pa.int64()))


@given(tables())
def test_pieces_put_together_are_the_content_and_pairs_are_never_cut(samples: pa.Table) -> None:
    segments = split_samples(samples, ROW)
    laid = content(samples, VOCABULARY)
    assert (segments.length <= ROW).all()
    assert (segments.length > TASK_SLOT).all()
    for i, kind in enumerate(samples["kind"].to_pylist()):
        mine = np.flatnonzero(segments.sample == i)
        whole = laid.ids[laid.offsets[i] : laid.offsets[i + 1]].tolist()
        if kind != "text":
            fits = len(whole) + TASK_SLOT <= ROW
            assert len(mine) == int(fits)
            assert (i in segments.too_long) is not fits
            assert segments.needed[i] == len(whole) + TASK_SLOT
            continue
        pieces = [
            whole[offset : offset + length - TASK_SLOT]
            for offset, length in zip(segments.offset[mine], segments.length[mine], strict=True)
        ]
        assert functools.reduce(operator.iadd, pieces, []) == whole
        assert segments.last[mine].tolist() == [False] * (len(mine) - 1) + [True]
        # all but the last piece fill their row
        assert (segments.length[mine][:-1] == ROW).all()


@given(tables())
def test_bytes_of_the_pieces_sum_to_the_text_and_are_exact_for_tokens_with_a_size(samples: pa.Table) -> None:
    segments = split_samples(samples, ROW)
    shares = text_bytes(samples, segments, TOKEN_BYTES)
    codes = samples["text"].to_pylist()
    for i, whole in enumerate(samples["text_bytes"].to_pylist()):
        mine = np.flatnonzero(segments.sample == i)
        if i in segments.too_long:
            continue
        assert shares[mine].sum() == whole
        for at in mine.tolist():
            piece = codes[i][segments.offset[at] : segments.offset[at] + segments.length[at] - TASK_SLOT]
            assert shares[at] == TOKEN_BYTES[piece].sum()


@given(tables(), st.integers(0, 3))
def test_a_slice_is_cut_like_its_rows_alone(samples: pa.Table, first: int) -> None:
    part = samples.slice(min(first, samples.num_rows))
    whole = pa.Table.from_pylist(part.to_pylist(), schema=part.schema)
    for one, other in ((split_samples(part, ROW), split_samples(whole, ROW)),):
        assert one.length.tolist() == other.length.tolist()
        assert text_bytes(part, one, TOKEN_BYTES).tolist() == text_bytes(whole, other, TOKEN_BYTES).tolist()


def test_bytes_are_shared_out_when_tokens_do_not_add_up_to_the_text() -> None:
    # as with a tokenizer that normalises: its tokens say 40 bytes, the text had 100
    samples = sample_table([Kind.TEXT], {Modality.TEXT: [[1] * 20]}, SIZES)
    samples = samples.set_column(samples.column_names.index("text_bytes"), "text_bytes", pa.array([100], pa.int64()))
    shares = text_bytes(samples, split_samples(samples, ROW), TOKEN_BYTES)
    assert shares.tolist() == [80, 20]


def test_a_text_that_ends_where_a_row_ends_leaves_its_mark_to_a_row_of_its_own() -> None:
    samples = sample_table([Kind.TEXT, Kind.TEXT], {Modality.TEXT: [[1] * 16, [1] * 15]}, SIZES)
    segments = split_samples(samples, ROW)
    assert content_lengths(samples).tolist() == [17, 16]
    assert segments.length.tolist() == [17, 2, 17]
    assert segments.offset.tolist() == [0, 16, 0]
    assert segments.last.tolist() == [False, True, True]
