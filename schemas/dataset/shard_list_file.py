"""The shard list of a large dataset as a Parquet file beside the manifest, which names and seals it.

Anyone may have made a dataset, so the list is checked as a manifest is, and nothing in it can claim more memory than a
small multiple of its bytes: columns are not compressed, texts are read as dictionaries, and each shard has 16 bytes of
checksum at least.
"""

import io
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..identity import bytes_fingerprint
from .file_entry import ListEntry
from .file_names import LONGEST, checked_name
from .parquet_chunks import ColumnChunks
from .shard_list import COLUMNS, COUNTS, SHARDS, ShardList

SHARD_LIST: Final = "shards.parquet"
INLINE = 1024  # shards that a manifest lists itself; more are listed in SHARD_LIST
_GROUP = 1 << 16  # shards of a row group
_CHECKSUM = 16  # bytes
# Names that need no closer look: printable ASCII without slashes and backslashes, not hidden.
_PLAIN: Final = r"^shards/[0-9A-Za-z_-][ -.0-\[\]-~]*$"


def list_bytes(shards: ShardList) -> bytes:
    """Return the file of a shard list; equal lists have equal bytes."""
    sink = io.BytesIO()
    pq.write_table(
        shards.table,
        sink,
        row_group_size=_GROUP,
        compression="none",
        use_dictionary=["group"],
        column_encoding=dict.fromkeys(COUNTS, "DELTA_BINARY_PACKED"),
        store_schema=False,
    )
    return sink.getvalue()


def list_entry(shards: ShardList, data: bytes) -> ListEntry:
    """Return what a manifest records of the file of a list."""
    return ListEntry(file=SHARD_LIST, bytes=len(data), xxh3=bytes_fingerprint([data]), count=len(shards))


def read_list(source: pa.NativeFile, entry: ListEntry) -> ShardList:
    """Read the file of a shard list, whose checksum was found to be right, and close it.

    Raises:
        ValueError: It is not such a list, or names files that a shard list may not name.
    """
    parquet = pq.ParquetFile(source, read_dictionary=["file", "group"], pre_buffer=False)
    metadata = parquet.metadata
    if parquet.schema.to_arrow_schema() != SHARDS:
        raise ValueError(f"its columns are not {', '.join(SHARDS.names)}")
    if metadata.num_rows != entry.count or entry.count * _CHECKSUM > entry.bytes:
        raise ValueError(f"it has {metadata.num_rows:,} shards, not {entry.count:,}")
    described = ColumnChunks(parquet, entry.bytes, frozenset(SHARDS.names))
    tables = [pa.Table.from_batches([], COLUMNS)]
    for number in range(metadata.num_row_groups):
        if any(chunk.compression != "UNCOMPRESSED" for chunk in described.of(number)):
            raise ValueError("it is compressed")
        tables.append(_checked(parquet.read_row_group(number, use_threads=False)))
    source.close()  # a memory map counts as memory
    return ShardList(pa.concat_tables(tables))


def _checked(table: pa.Table) -> pa.Table:
    for name in ("file", "group"):
        for chunk in table[name].chunks:
            chunk.dictionary.validate(full=True)
            if (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0) > LONGEST:
                raise ValueError(f"{name}: a name has more than {LONGEST:,} bytes")
    table = table.cast(COLUMNS)
    table.validate(full=True)
    unusual = table["file"].filter(pc.invert(pc.match_substring_regex(table["file"], _PLAIN)))
    for name in unusual.to_pylist():
        if not checked_name(name).startswith("shards/"):
            raise ValueError(f"{name[:100]!r} is not below shards/")
    for name in table["group"].unique().to_pylist():
        if "/" in checked_name(name):
            raise ValueError(f"{name[:100]!r} is not the name of a group")
    return table
