"""Builds the columns of a shard from placed segments: three matrices, a segment table, a span table."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.layout import TASK_SLOT, Content, content, content_lengths
from ...schemas.dataset.packed_row import SPAN, segment_dtype, segment_type
from ...schemas.vocabulary import Kind, Special, Vocabulary
from ..engines.take_rows import take_runs
from .segments import Ints, Segments

SLICE_TOKENS = 1 << 18  # tokens laid out at a time, so that temporary arrays stay in the processor's cache


@dataclass(frozen=True)
class Placed:
    """Segments with their packed row, the start within it, and the number among the row's segments from 1."""

    segments: Segments
    row: Ints
    start: Ints
    number: Ints
    rows: int

    @property
    def order(self) -> Ints:
        """Order of the segments in the shard's tables: by row, then by start."""
        return np.lexsort((self.start, self.row))


def place(segments: Segments, row: Ints, start: Ints, rows: int) -> Placed:
    """Number the segments of every row in the order of their starts."""
    order = np.lexsort((start, row))
    first = np.searchsorted(row[order], np.arange(rows))
    number = np.empty(len(row), np.int64)
    number[order] = np.arange(len(row)) - first[row[order]] + 1
    return Placed(segments, row, start, number, rows)


def fill(
    samples: pa.Table, placed: Placed, vocabulary: Vocabulary, row_length: int
) -> tuple[dict[str, npt.NDArray[Any]], pa.Table]:
    """Lay out the tokens of a shard.

    Args:
        samples: The samples.
        placed: Their segments.
        vocabulary: The id space.
        row_length: Tokens per row.

    Returns:
        The (rows, row_length) matrices `tokens`, `segment` and `modality`; a table of the spans with columns `index`
        (of the segment), `modality`, `start` (within the packed row) and `length`, in the order of the segments.
    """
    segments, order = placed.segments, placed.order
    laid = _content(samples, vocabulary)
    segment = _segment_column(placed, row_length)
    begin = placed.row[order] * row_length + placed.start[order]
    coded = segment != 0
    coded[begin] = False
    flat: dict[str, npt.NDArray[Any]] = {
        "tokens": np.zeros(len(segment), vocabulary.dtype),  # Special.PAD
        "segment": segment,
        "modality": np.zeros(len(segment), np.uint8),  # Modality.SPECIAL
    }
    flat["tokens"][begin] = Special.TASK
    starts = laid.offsets[segments.sample] + segments.offset
    lengths = segments.length - TASK_SLOT
    for name, values in (("tokens", laid.ids), ("modality", laid.modality)):
        source = pa.array(values)
        for low, high in _slices(segments.length[order]):
            place, chosen = slice(begin[low], begin[high] if high < len(order) else len(segment)), order[low:high]
            flat[name][place][coded[place]] = take_runs(source, starts[chosen], lengths[chosen]).to_numpy()
    matrices = {name: column.reshape(placed.rows, row_length) for name, column in flat.items()}
    return matrices, _spans(laid, placed)


def _content(samples: pa.Table, vocabulary: Vocabulary) -> Content:
    """Lay out the content of all samples, a slice at a time."""
    parts = [
        content(samples.slice(low, high - low), vocabulary) for low, high in _slices(content_lengths(samples))
    ] or [content(samples, vocabulary)]
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return Content(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.modality for part in parts]),
        np.concatenate([[0], np.cumsum(sizes)]),
        np.concatenate([part.span_starts for part in parts]),
        np.concatenate([part.span_lengths for part in parts]),
    )


def _slices(lengths: Ints) -> list[tuple[int, int]]:
    """Divide runs of these lengths into slices of about SLICE_TOKENS tokens."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    cuts = np.unique(np.searchsorted(ends, np.arange(0, total, SLICE_TOKENS), side="left"))
    bounds = [*cuts.tolist(), len(lengths)]
    return [(low, high) for low, high in pairwise(bounds) if high > low]


def _segment_column(placed: Placed, row_length: int) -> npt.NDArray[np.unsignedinteger]:
    """Return the segment number of every position; segments are adjacent, and zeros fill the rest of a row."""
    order = placed.order
    lengths = placed.segments.length[order]
    ends = np.searchsorted(placed.row[order], np.arange(placed.rows), side="right")
    room = row_length - np.diff(np.concatenate([[0], np.cumsum(lengths)])[ends], prepend=0)
    numbers = np.insert(placed.number[order], ends, 0).astype(segment_dtype(row_length))
    return np.repeat(numbers, np.insert(lengths, ends, room))


def _spans(laid: Content, placed: Placed) -> pa.Table:
    segments = placed.segments
    sample = segments.sample
    index, part = np.nonzero(laid.span_lengths[sample] >= 0)
    begin, length = laid.span_starts[sample][index, part], laid.span_lengths[sample][index, part]
    # a piece of a split text has only the codes in its window of the content
    window = segments.offset[index]
    stop = window + segments.length[index] - TASK_SLOT
    begin, end = np.maximum(begin, window), np.minimum(begin + length, stop)
    kept = end >= begin
    start = placed.start[index] + TASK_SLOT + begin - window
    columns = {"index": index, "modality": part + 1, "start": start, "length": end - begin}
    return pa.table({name: column[kept].astype(np.int64) for name, column in columns.items()})


def segment_lists(samples: pa.Table, placed: Placed, text_bytes: Ints) -> pa.Array:
    """Build the `segments` column: the segments of each packed row, in order."""
    order, segments = placed.order, placed.segments
    type_ = segment_type("kept" in samples.column_names)
    columns_of_origin = [field.name for field in type_ if field.name in samples.column_names]  # without the codes
    origin = samples.select(columns_of_origin).take(segments.sample[order])
    first = (segments.offset == 0)[order]
    kinds = pc.index_in(origin["kind"].combine_chunks(), pa.array([str(kind) for kind in Kind]))
    columns = {
        **{name: origin[name] for name in columns_of_origin},
        "source": dictionary_of(origin["source"]),
        "file": dictionary_of(origin["file"]),
        "license": dictionary_of(origin["license"]),
        "kind": kinds.cast(pa.uint8()),
        "start": placed.start[order],
        "length": segments.length[order],
        "offset": segments.offset[order],
        "last": segments.last[order],
        "text_bytes": text_bytes[order],
        # images and clips are never split, so their sizes belong to the only segment of the sample
        "pixels": np.where(first, origin["pixels"].to_numpy(), 0),
        "samples": np.where(first, origin["samples"].to_numpy(), 0),
    }
    return lists_of(columns, type_, placed.row[order], placed.rows)


def span_lists(spans: pa.Table, placed: Placed) -> pa.Array:
    """Build the `spans` column: the runs of codes in each packed row, in order."""
    index = spans["index"].to_numpy()
    row, start = placed.row[index], spans["start"].to_numpy()
    order = np.lexsort((start, row))
    columns = {
        "segment": placed.number[index][order],
        "modality": spans["modality"].to_numpy()[order],
        "start": start[order],
        "length": spans["length"].to_numpy()[order],
    }
    return lists_of(columns, SPAN, row[order], placed.rows)


def dictionary_of(column: pa.ChunkedArray) -> pa.Array:
    """Dictionary-encode a column with a sorted dictionary, so that it does not depend on row order; keeps nulls."""
    values = pa.array(sorted(pc.unique(column).drop_null().to_pylist()), pa.string())
    return pa.DictionaryArray.from_arrays(pc.index_in(column.combine_chunks(), values), values)


def lists_of(columns: dict[str, Any], struct: pa.StructType, row: Ints, rows: int) -> pa.Array:
    """Build a list column of structs.

    Args:
        columns: Columns of the entries, ordered by row.
        struct: Type of an entry.
        row: Row of every entry.
        rows: Number of rows.
    """
    arrays = []
    for entry in struct:
        column = columns[entry.name]
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else pa.array(column)
        arrays.append(array if array.type == entry.type else array.cast(entry.type))
    values = pa.StructArray.from_arrays(arrays, fields=list(struct))
    offsets = np.searchsorted(row, np.arange(rows + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=pa.list_(pa.field("item", struct, nullable=False)))
