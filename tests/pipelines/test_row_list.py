"""Lists of rows are written piece by piece, and are complete under one name at any time."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.row_list import LISTS, publish_list, stage_list, together
from triptych.schemas.identity import bytes_fingerprint
from triptych.schemas.storage.store import Store

SCHEMA = pa.schema([pa.field("row", pa.int64(), nullable=False)])


def rows(*numbers: int) -> pa.Table:
    return pa.table({"row": list(numbers)}, schema=SCHEMA)


@pytest.mark.parametrize("scheme", ["", "memory://"])
def test_a_list_is_moved_to_its_place_when_it_is_published(tmp_path: object, scheme: str) -> None:
    store = Store(f"{scheme}{tmp_path}")
    store.write("list.parquet", b"of the dataset before")
    entry = stage_list(store, "list.parquet", SCHEMA, [rows(1, 2), rows(3)])
    assert store.read("list.parquet") == b"of the dataset before"
    publish_list(store, entry)
    data = store.read("list.parquet")
    assert (entry.file, entry.bytes, entry.xxh3) == ("list.parquet", len(data), bytes_fingerprint([data]))
    assert store.names(LISTS) == []
    found = pq.ParquetFile(pa.BufferReader(data))
    assert found.num_row_groups == 3
    assert found.read()["row"].to_pylist() == [1, 2, 3]


def test_a_list_that_fails_on_the_way_is_not_there(tmp_path: object) -> None:
    def failing() -> object:
        yield rows(1)
        raise OSError("a part is gone")

    store = Store(str(tmp_path))
    with pytest.raises(OSError, match="a part is gone"):
        stage_list(store, "list.parquet", SCHEMA, failing())  # type: ignore[arg-type]
    assert store.names("") == []


def test_small_tables_are_put_together() -> None:
    small = [rows(number) for number in range(7)]
    assert [len(table) for table in together(iter(small), 3)] == [3, 3, 1]
    assert pa.concat_tables(together(iter(small), 3)) == pa.concat_tables(small)
    assert list(together([], 3)) == []
    assert list(together([rows()], 3)) == []
