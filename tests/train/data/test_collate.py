"""Rows cut, thinned out and turned into tensors, worked out by hand for three short rows."""

import numpy as np
import numpy.typing as npt
import pytest

from triptych.model.network.slices import slice_table
from triptych.schemas.vocabulary import Kind, Modality, Special, Vocabulary
from triptych.train.data.collate import Rows, collate, keep_segments

VOCABULARY = Vocabulary(text=40)
LENGTHS = [[3, 2, 2], [], [4, 4]]  # of the segments of each row of eight


def rows() -> Rows:
    """Texts 256, 257, 258, ... one after another; the second row is empty."""
    tokens, segment = np.zeros((3, 8), np.uint16), np.zeros((3, 8), np.uint8)
    table = []
    word = 256
    for row, lengths in enumerate(LENGTHS):
        start = 0
        for number, length in enumerate(lengths, start=1):
            words = range(word, word + length - 2)
            tokens[row, start : start + length] = [Special.TASK, *words, Special.EOS]
            segment[row, start : start + length] = number
            table.append((row, start, length))
            start, word = start + length, word + length - 2
    row_S, start_S, length_S = np.array(table).T
    modality = np.where((segment > 0) & (tokens != Special.TASK), Modality.TEXT, Modality.SPECIAL).astype(np.uint8)
    count = len(row_S)
    columns: dict[str, npt.NDArray[np.int64]] = {"start": start_S, "length": length_S}
    columns |= {"kind": np.full(count, Kind.TEXT.code), "source": np.arange(count), "text_bytes": 10 * length_S}
    columns |= {"pixels": np.zeros(count, np.int64), "samples": np.zeros(count, np.int64)}
    document = np.arange(2 * count, dtype=np.uint64).reshape(-1, 2)
    return Rows(
        tokens, segment, modality, np.array([70, 80, 90]), np.array([0, 1, 2]), row_S, document, document, columns
    )


def test_tensors_of_a_batch() -> None:
    batch = collate(rows(), slice_table(VOCABULARY))
    assert batch.tokens_BL[0].tolist() == [Special.TASK, 256, Special.EOS, *[Special.TASK, Special.EOS] * 2, 0]
    assert batch.segment_BL.tolist() == [[1, 1, 1, 2, 2, 3, 3, 0], [0] * 8, [1] * 4 + [2] * 4]
    assert batch.position_BL.tolist() == [[0, 1, 2, 0, 1, 0, 1, 0], [0] * 8, [0, 1, 2, 3] * 2]
    assert batch.slice_BL.tolist() == [[0, 1, 1, 0, 1, 0, 1, 0], [0] * 8, [0, 1, 1, 1] * 2]
    assert (batch.row_B.tolist(), batch.epoch_B.tolist()) == ([70, 80, 90], [0, 1, 2])
    assert batch.row_S.tolist() == [0, 0, 0, 2, 2]
    assert batch.number_S.tolist() == [1, 2, 3, 1, 2]
    assert batch.start_S.tolist() == [0, 3, 5, 0, 4]
    assert batch.text_bytes_S.tolist() == [30, 20, 20, 40, 40]


def test_a_removed_segment_becomes_padding() -> None:
    thinned = keep_segments(rows(), np.array([True, False, True, False, True]))
    assert thinned.segment.tolist() == [[1, 1, 1, 0, 0, 2, 2, 0], [0] * 8, [0] * 4 + [1] * 4]
    assert thinned.tokens[0].tolist() == [Special.TASK, 256, Special.EOS, 0, 0, Special.TASK, Special.EOS, 0]
    assert not thinned.tokens[thinned.segment == 0].any()
    assert not thinned.modality[thinned.segment == 0].any()
    assert thinned.columns["source"].tolist() == [0, 2, 4]
    assert thinned.document[:, 0].tolist() == [0, 4, 8]
    batch = collate(thinned, slice_table(VOCABULARY))
    assert batch.number_S.tolist() == [1, 2, 1]
    assert batch.position_BL[0].tolist() == [0, 1, 2, 0, 0, 0, 1, 0]
    assert batch.position_BL[2].tolist() == [0] * 4 + [0, 1, 2, 3]


def test_all_or_none_of_the_segments() -> None:
    whole = rows()
    assert keep_segments(whole, np.ones(5, bool)) is whole
    none = keep_segments(whole, np.zeros(5, bool))
    assert not none.tokens.any()
    assert len(none.row) == len(none.columns["start"]) == 0


@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)])
def test_some_rows_are_as_they_are_in_the_whole_batch(low: int, high: int) -> None:
    whole, part = (collate(some, slice_table(VOCABULARY)) for some in (rows(), rows().between(low, high)))
    for name in ("tokens_BL", "segment_BL", "position_BL", "slice_BL", "row_B", "epoch_B"):
        assert getattr(part, name).tolist() == getattr(whole, name)[low:high].tolist(), name
    mine = (whole.row_S >= low) & (whole.row_S < high)
    assert part.row_S.tolist() == (whole.row_S[mine] - low).tolist()
    for name in ("number_S", "start_S", "length_S", "source_S", "text_bytes_S"):
        assert getattr(part, name).tolist() == getattr(whole, name)[mine].tolist(), name
