import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.engines.take_rows import take_rows, take_runs

lists = st.lists(st.none() | st.lists(st.integers(0, 60_000), max_size=4), max_size=8)


@given(rows=lists, cut=st.integers(0, 8), data=st.data())
def test_rows_are_those_of_arrow(rows: list[list[int] | None], cut: int, data: st.DataObject) -> None:
    codes = pa.array(rows, pa.list_(pa.uint16()))
    table = pa.table({"text": [str(row) for row in rows], "codes": codes})
    table = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    positions = st.lists(st.integers(0, max(len(rows) - 1, 0)), max_size=8 if rows else 0)
    indices = np.array(data.draw(positions), np.int64)
    taken = take_rows(table, indices)
    assert taken.schema == table.schema
    assert taken.equals(table.take(indices))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_runs_are_concatenated_in_the_order_given(dtype: type) -> None:
    values = pa.array(np.arange(10, dtype=dtype))
    taken = take_runs(values, np.array([7, 0, 3]), np.array([3, 2, 0]))
    assert (taken.to_pylist(), taken.type) == ([7, 8, 9, 0, 1], values.type)
