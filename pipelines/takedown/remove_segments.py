"""Removes segments from a shard: later segments of a row move forward, and empty rows are removed.

Nothing is packed again, so rows that are not affected keep their bytes and their order.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.dataset.layout import ragged
from ...schemas.dataset.packed_row import SPAN
from ...schemas.dataset.reader import Shard
from ..inspection.recount_statistics import entries_of, field_of
from ..pack.matrices import dictionary_of, lists_of
from ..pack.segments import Ints
from ..pack.write import shard_batch


def without_segments(shard: Shard, gone: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """Return the shard's record batch without some segments; it may have no rows.

    Args:
        shard: The shard.
        gone: (segments,) mask of the segments to remove, in the order of the segment table.
    """
    segments, spans = (shard.batch.column(name) for name in ("segments", "spans"))
    row, _ = entries_of(segments)
    kept = np.flatnonzero(~gone)
    rows_left, row_of = np.unique(row[kept], return_inverse=True)
    length = field_of(segments, "length")[kept]
    ahead = np.searchsorted(row_of, row_of)  # index of the first remaining segment in the same row
    before = np.cumsum(length) - length
    start, number = before - before[ahead], np.arange(len(kept)) - ahead + 1
    touched = np.isin(row[kept], row[gone])
    matrices = {}
    for name in ("tokens", "segment", "modality"):
        old = shard.matrix(name)
        new = old[rows_left]
        new[np.unique(row_of[touched])] = 0
        at = row_of[touched] * old.shape[1] + start[touched]
        came_from = (row[kept] * old.shape[1] + field_of(segments, "start")[kept])[touched]
        run = length[touched]
        moved = np.repeat(number[touched], run) if name == "segment" else old.reshape(-1)[ragged(came_from, run)]
        new.reshape(-1)[ragged(at, run)] = moved
        matrices[name] = new
    rows = len(rows_left)
    return shard_batch(
        shard.batch.schema,
        matrices,
        _segments(segments, kept, start, row_of, rows),
        _spans(spans, segments, kept, start, number, row_of, rows),
    )


def _segments(segments: pa.ListArray, kept: Ints, start: Ints, row: Ints, rows: int) -> pa.Array:
    values = segments.flatten().take(pa.array(kept))
    columns = {}
    for field in segments.type.value_type:
        column = values.field(field.name)
        # dictionaries are rebuilt, so that names of removed segments do not remain in them
        is_name = pa.types.is_dictionary(field.type)
        columns[field.name] = dictionary_of(pa.chunked_array([column.cast(pa.string())])) if is_name else column
    columns["start"] = pa.array(start)
    return lists_of(columns, segments.type.value_type, row, rows)


def _spans(
    spans: pa.ListArray, segments: pa.ListArray, kept: Ints, start: Ints, number: Ints, row: Ints, rows: int
) -> pa.Array:
    span_row, _ = entries_of(spans)
    owner = segments.offsets.to_numpy().astype(np.int64)[span_row] + field_of(spans, "segment") - 1
    place = np.searchsorted(kept, owner)
    mine = np.isin(owner, kept)
    owner, place = owner[mine], place[mine]
    columns = {
        "segment": number[place],
        "modality": field_of(spans, "modality")[mine],
        "start": field_of(spans, "start")[mine] - field_of(segments, "start")[owner] + start[place],
        "length": field_of(spans, "length")[mine],
    }
    return lists_of(columns, SPAN, row[place], rows)
