"""Marks of shards as a run left them, so that those that look unchanged are not read again when it is resumed.

A shard looks unchanged while its size, its times and its inode are the same, or the version that an object store
states. `triptych verify` reads every shard, and so does `triptych prepare --recheck`.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import pyarrow as pa
import xxhash

from ...schemas.storage.store import WORK, Store
from ..sources.change_detection import lasting_stamp, version_of

MARKS = f"{WORK}/shards.arrow"
LINE = pa.schema([("part", pa.string()), ("file", pa.string()), ("mark", pa.binary(16))])

Marks = dict[str, bytes]  # by the name of the shard


def marks_now(store: Store, files: Iterable[str]) -> Marks:
    """Return the mark of each of these shards that exists, where the store states a version."""
    if store.local:
        found = {file: _stamp(store, file) for file in files}
    else:
        listed = store.details("shards")
        found = {file: version_of(store.fs, store.path(file), listed[file]) for file in files if file in listed}
    return {file: xxhash.xxh3_128_digest(stamp.encode()) for file, stamp in found.items() if stamp is not None}


def _stamp(store: Store, file: str) -> str | None:
    with suppress(FileNotFoundError):
        return lasting_stamp(store.path(file))
    return None


def keep_marks(store: Store, shards: Sequence[tuple[str, str]]) -> None:
    """Write the marks of the shards of a run that is through.

    Args:
        store: The store.
        shards: (name of the committed part, name of its shard).
    """
    marks = marks_now(store, [file for _, file in shards])
    lines = [(part, file, marks[file]) for part, file in shards if file in marks]
    columns = list(zip(*lines, strict=True)) or [()] * len(LINE)
    table = pa.table([pa.array(column, field.type) for column, field in zip(columns, LINE, strict=True)], schema=LINE)
    if table != _read(store):
        with store.create(MARKS) as sink, pa.ipc.new_file(sink, LINE) as writer:
            writer.write_table(table)


def unchanged_parts(store: Store) -> set[str]:
    """Return the names of the committed parts whose shard looks as an earlier run left it."""
    lines = [_read(store)[name].to_pylist() for name in LINE.names]
    now = marks_now(store, lines[1])
    return {part for part, file, mark in zip(*lines, strict=True) if now.get(file) == mark}


def _read(store: Store) -> pa.Table:
    """Return what an earlier run wrote; nothing where that is missing or damaged, which only costs time."""
    with suppress(FileNotFoundError, pa.ArrowException):
        table = pa.ipc.open_file(pa.BufferReader(store.read(MARKS))).read_all()
        table.validate(full=True)
        if table.schema == LINE:
            return table
    return LINE.empty_table()
