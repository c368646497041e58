"""Normalisation of texts before comparison, and access to their bytes with NumPy."""

import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


_BLOCK = 1 << 20
_LEAST = 256  # bytes added to each text's size, since the signature of a short text is as long as any


def blocks(values: pa.ChunkedArray) -> Iterator[pa.StringArray]:
    """Split the texts into slices of about a megabyte, which limits the memory of intermediate results."""
    for chunk in values.chunks:
        ends = np.cumsum(pc.binary_length(chunk).to_numpy() + np.int64(_LEAST))
        cuts = np.flatnonzero(np.diff(ends // _BLOCK)) + 1
        for start, stop in pairwise([0, *cuts.tolist(), len(chunk)]):
            yield chunk.slice(start, stop - start)


def fold(values: pa.StringArray, *, case: bool, space: bool) -> pa.LargeStringArray:
    """Normalise texts to NFC.

    Args:
        values: The texts.
        case: Convert to lower case.
        space: Collapse runs of Unicode white space to one space and strip both ends.
    """
    texts = _compose(values.cast(pa.large_string()))
    if case:
        texts = pc.utf8_lower(texts)
    if space:
        words = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(texts))
        texts = pc.binary_join(words, pa.scalar(" ", pa.large_string()))
    return texts


def _compose(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """NFC by Python's function: Arrow's only decomposes (apache/arrow#51225), and takes twice as long."""
    if pc.all(pc.string_is_ascii(texts)).as_py():
        return texts
    return pa.array([unicodedata.normalize("NFC", text) for text in texts.to_pylist()], pa.large_string())


def layout(texts: pa.LargeStringArray) -> tuple[Bytes, Ints]:
    """Return a view of the bytes of all texts, concatenated, and the (texts + 1,) offsets of the texts."""
    _, starts, data = texts.buffers()
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(starts, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    text = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]
    return text, offsets - offsets[0]
