"""Numbers survive as bytes of a column, sliced or not."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from triptych.pipelines.dedup.signature import pack, unpack


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.float16])
def test_rows_survive(dtype: npt.DTypeLike) -> None:
    rows = np.arange(60).reshape(12, 5).astype(dtype)
    valid = np.arange(12) % 4 > 0
    packed = pack(rows, valid)
    assert packed.type == pa.binary(5 * rows.itemsize)
    assert packed.is_valid().to_pylist() == valid.tolist()
    assert np.array_equal(unpack(packed.slice(5, 3), dtype), rows[5:8])
    assert np.array_equal(unpack(packed.take(pa.array([9, 1])), dtype), rows[[9, 1]])
    assert np.array_equal(unpack(packed.filter(pa.array(valid)), dtype), rows[valid])


def test_no_rows_have_a_type() -> None:
    packed = pack(np.zeros((0, 7), np.uint8), np.zeros(0, bool))
    assert packed.type == pa.binary(7)
    assert unpack(packed, np.uint8).shape == (0, 7)
