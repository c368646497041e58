"""Signatures as an Arrow column: so many bytes a row, whatever numbers they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def pack(rows: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> pa.FixedSizeBinaryArray:
    """(n, k) numbers to n values of their little-endian bytes, null where not `valid`."""
    little = np.ascontiguousarray(rows, rows.dtype.newbyteorder("<"))
    type_ = pa.binary(little.dtype.itemsize * little.shape[1])
    values = pa.FixedSizeBinaryArray.from_buffers(type_, len(little), [None, pa.py_buffer(little)])
    return pc.if_else(pa.array(valid), values, pa.scalar(None, type_))


def unpack(values: pa.FixedSizeBinaryArray, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """What was packed: (n, k), without copying; whatever is there where values are null."""
    width = values.type.byte_width
    raw = np.frombuffer(values.buffers()[1], np.uint8)[values.offset * width :][: len(values) * width]
    return raw.reshape(-1, width).view(np.dtype(dtype).newbyteorder("<"))


def judged(
    judge: Callable[[pa.Array, pa.Array], npt.NDArray[np.bool_]], left: pa.Array, right: pa.Array, batch: int = 1024
) -> npt.NDArray[np.bool_]:
    """What `judge` says of each pair of signatures, asked about a few at a time: it may need much memory for a pair."""
    starts = range(0, len(left), batch)
    parts = [judge(left.slice(start, batch), right.slice(start, batch)) for start in starts]
    return np.concatenate([np.zeros(0, bool), *parts])
