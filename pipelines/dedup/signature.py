"""Signatures of fixed size as an Arrow column of bytes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def pack(rows: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> pa.FixedSizeBinaryArray:
    """Pack (n, k) numbers into n values of their little-endian bytes, null where not `valid`."""
    little = np.ascontiguousarray(rows, rows.dtype.newbyteorder("<"))
    type_ = pa.binary(little.dtype.itemsize * little.shape[1])
    values = pa.FixedSizeBinaryArray.from_buffers(type_, len(little), [None, pa.py_buffer(little)])
    return pc.if_else(pa.array(valid), values, pa.scalar(None, type_))


def unpack(values: pa.FixedSizeBinaryArray, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Unpack to (n, k) without copying; null values give undefined numbers."""
    width = values.type.byte_width
    raw = np.frombuffer(values.buffers()[1], np.uint8)[values.offset * width :][: len(values) * width]
    return raw.reshape(-1, width).view(np.dtype(dtype).newbyteorder("<"))


def compare_in_batches(
    compare: Callable[[pa.Array, pa.Array], npt.NDArray[np.bool_]], left: pa.Array, right: pa.Array, batch: int = 1024
) -> npt.NDArray[np.bool_]:
    """Apply `compare` to pairs of signatures in batches, which limits memory.

    Args:
        compare: Returns for each pair whether it is a near duplicate.
        left: (n,) signatures.
        right: (n,) signatures.
        batch: Number of pairs per call.
    """
    starts = range(0, len(left), batch)
    parts = [compare(left.slice(start, batch), right.slice(start, batch)) for start in starts]
    return np.concatenate([np.zeros(0, bool), *parts])
