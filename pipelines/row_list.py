"""Writes lists of rows as Parquet, row group by row group, so that memory does not grow with their number.

A list is written below the work folder, since the dataset of before is complete until the new one is published, and
then moved to its place.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from ..schemas.dataset.file_entry import FileEntry
from ..schemas.storage.hashing_file import HashingFile
from ..schemas.storage.store import WORK, Store

LISTS = f"{WORK}/lists"
GROUP = 1 << 16  # rows of a row group where small tables are put together


def write_list(store: Store, name: str, file: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> FileEntry:
    """Write a list, a row group for each table, after one without rows.

    Args:
        store: The store.
        name: Where it is written.
        file: Its name in the dataset.
        schema: Its columns.
        tables: The rows.

    Returns:
        What the manifest records of it.
    """
    with store.create(name) as sink:
        hashing = HashingFile(sink)
        with pq.ParquetWriter(pa.PythonFile(hashing, mode="w"), schema, compression="zstd") as writer:
            writer.write_table(schema.empty_table())
            for table in tables:
                writer.write_table(table)
        size = hashing.tell()
    return FileEntry(file=file, bytes=size, xxh3=hashing.hexdigest())


def stage_list(store: Store, file: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> FileEntry:
    """Write a list below the work folder; `publish_list` moves it to its place."""
    return write_list(store, f"{LISTS}/{file}", file, schema, tables)


def publish_list(store: Store, entry: FileEntry) -> None:
    """Move a list that `stage_list` wrote to its place in the dataset."""
    store.move(f"{LISTS}/{entry.file}", entry.file)


def together(tables: Iterable[pa.Table], rows: int = GROUP) -> Iterator[pa.Table]:
    """Put tables that follow each other together to about `rows` rows, since each row group takes memory."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += len(table)
        if count >= rows:
            yield pa.concat_tables(waiting)
            waiting, count = [], 0
    if count:
        yield pa.concat_tables(waiting)
