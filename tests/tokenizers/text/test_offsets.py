"""Joined ids are those of the texts in order, and the offsets cut them apart again."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from triptych.tokenizers.text.offsets import concatenate


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64, np.uint16])
def test_offsets_cut_the_ids_apart_again(dtype: npt.DTypeLike) -> None:
    draw = np.random.default_rng(0)
    for count in range(1, 8):
        given = [draw.integers(0, 1 << 15, draw.integers(0, 5)) for _ in range(count)]
        ids, offsets = concatenate([array.astype(dtype) for array in given])
        assert (ids.dtype, offsets.dtype) == (np.dtype(np.uint32), np.dtype(np.int64))
        assert (offsets[0], offsets[-1], len(offsets)) == (0, len(ids), count + 1)
        cut = [ids[start:stop].tolist() for start, stop in pairwise(offsets)]
        assert cut == [array.tolist() for array in given]


def test_no_texts_give_no_ids_and_one_offset() -> None:
    ids, offsets = concatenate([])
    assert (ids.tolist(), ids.dtype, offsets.tolist()) == ([], np.dtype(np.uint32), [0])


def test_the_largest_id_of_each_width_is_kept() -> None:
    ids, offsets = concatenate([np.array([2**31 - 1, 0], np.int32), np.array([5], np.int32)])
    assert (ids.tolist(), offsets.tolist()) == ([2**31 - 1, 0, 5], [0, 2, 3])
    assert concatenate([np.array([2**32 - 1], np.int64)])[0].tolist() == [2**32 - 1]
