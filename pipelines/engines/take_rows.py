"""Rows of a table in another order. Arrow's own `take` copies lists a value at a time, this a list at a time."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def take_rows(table: pa.Table, indices: npt.NDArray[np.integer] | pa.Array) -> pa.Table:
    """Return the rows at `indices`; equals `table.take(indices)`."""
    taken = {
        name: _take_lists(table[name], np.asarray(indices)) if pa.types.is_list(table[name].type) else None
        for name in table.column_names
    }
    rest = table.select([name for name, column in taken.items() if column is None]).take(indices)
    columns = [rest[name] if column is None else column for name, column in taken.items()]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _take_lists(column: pa.ChunkedArray, indices: npt.NDArray[np.integer]) -> pa.ListArray:
    lists = column.combine_chunks()
    offsets = lists.offsets.to_numpy()
    starts, lengths = offsets[:-1][indices], np.diff(offsets)[indices]
    values = take_runs(lists.values, starts, lengths)
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    absent = lists.is_null().take(pa.array(indices)) if lists.null_count else None
    return pa.ListArray.from_arrays(pa.array(ends), values, type=column.type, mask=absent)


def take_runs(values: pa.Array, starts: npt.NDArray[np.integer], lengths: npt.NDArray[np.integer]) -> pa.Array:
    """Concatenate runs of values.

    Args:
        values: The values.
        starts: (n,) first index of each run.
        lengths: (n,) length of each run.
    """
    wide = (pa.array(part.astype(np.int64)) for part in (starts, lengths))
    return pa.LargeListViewArray.from_arrays(*wide, values).flatten()
