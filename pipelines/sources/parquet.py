"""Reader of Parquet files: only the needed columns, in runs of row groups of about a partition."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.config.columns import is_column
from ...schemas.config.run import Limits
from ...schemas.config.sources import ParquetSource
from ...schemas.dataset.drop_detail import error_detail
from ...schemas.dataset.parquet_chunks import ColumnChunks
from ...schemas.identity import BLOCK, bytes_fingerprint, canonical_json
from .base import Drop, RawBatch, Unit
from .batches import LONGEST_ROW, regroup, table
from .change_detection import unchanged, unchanged_batches
from .columns import extract, present_columns
from .content_type import JSON, PARQUET, Content, content_of, head_of, wrong_kind
from .expansion import expanding
from .files import whole_files
from .first_rows import first_rows, first_units, head_digest
from .parquet_expansion import decoded, dictionary_columns, unlikely_chunk
from .streams import PARQUET_ERRORS, data_error
from .text_columns import is_list, stored_column

READ_BYTES = 8 << 20  # approximate size of one decoded read
COMPRESSED = Content("a Parquet file that was compressed as a whole", "Decompress it: Parquet is read in parts.")
BUFFER = 4 << 20  # size of the buffer for column chunks, which Arrow would otherwise read whole


class ParquetReader:
    """Reads .parquet files; a unit's `start` and `stop` count row groups, rows are numbered within the file."""

    def __init__(self, source: ParquetSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._listed = limits.ledger_rows
        self._budget = partition_bytes

    def units(self) -> list[Unit]:
        """List runs of row groups whose needed columns have about `partition_bytes`; unreadable files as one unit."""
        files = whole_files(self._source.name, self._source.path)
        return first_units(self, (unit for file in files for unit in self._runs(file)), self._source.limit)

    def _runs(self, whole: Unit) -> Iterator[Unit]:
        try:
            with unchanged(whole), fsspec.open(whole.path, "rb") as file, pq.ParquetFile(file) as parquet:
                columns = present_columns(parquet.schema_arrow, self._source, whole.label)
                described = ColumnChunks(parquet, file.seek(0, 2), _leaves(parquet, columns))
                chunks = [described.of(group) for group in range(parquet.num_row_groups)]
                rows = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
        except PARQUET_ERRORS as error:
            if not data_error(error):
                raise
            self._require_parquet(whole)
            yield whole
            return
        start = size = 0
        for group, parts in enumerate(chunks):
            more = sum(part.total_uncompressed_size for part in parts)
            if size + more > self._budget and group > start:
                yield replace(whole, start=start, stop=group, rows=sum(rows[start:group]))
                start, size = group, 0
            size += more
        yield replace(whole, start=start, stop=len(chunks), rows=sum(rows[start:]))

    def _require_parquet(self, unit: Unit) -> None:
        """Refuse a file that is not a damaged Parquet file but of another format."""
        head = head_of(unit.path)
        content = JSON if head.lstrip().startswith(b"{") else content_of(head)
        if content is PARQUET and _first_bytes(unit.path) != head[:4]:
            content = COMPRESSED
        if content not in (None, PARQUET):
            raise wrong_kind(self._source.name, unit.label, self._source.kind, content)

    def files(self, unit: Unit) -> tuple[str, ...]:
        """Return the URL of the unit's file."""
        return (unit.path,)

    def digest(self, unit: Unit) -> str:
        """Hash the stored bytes of the unit's column chunks, their types, and the number of the first row."""
        if unit.most is not None:
            return head_digest(self.read(unit))
        with unchanged(unit), fsspec.open(unit.path, "rb") as file:
            if unit.stop is None:
                return bytes_fingerprint(iter(lambda: file.read(BLOCK), b""))
            parquet = pq.ParquetFile(file)
            return bytes_fingerprint(self._identity(file, parquet, unit, unit.stop))

    def _identity(self, file: Any, parquet: pq.ParquetFile, unit: Unit, stop: int) -> Iterator[bytes]:
        columns = present_columns(parquet.schema_arrow, self._source, unit.label)
        stored = {name: stored_column(name, parquet.schema_arrow.names) for names in columns.values() for name in names}
        types = {name: str(parquet.schema_arrow.field(column).type) for name, column in stored.items()}
        described = ColumnChunks(parquet, file.seek(0, 2), _leaves(parquet, columns))
        yield canonical_json([types, _rows_before(parquet.metadata, unit.start)])
        for group in range(unit.start, stop):
            for chunk in described.of(group):
                yield canonical_json([chunk.path_in_schema, chunk.physical_type, chunk.compression, chunk.num_values])
                file.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
                left = chunk.total_compressed_size
                while left and (block := file.read(min(left, BLOCK))):
                    left -= len(block)
                    yield block

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: text_missing, image_missing, audio_missing, row_too_large, utf8_invalid, file_unreadable,
        expansion_too_large.
        """
        batches = regroup(first_rows(self._pieces(unit), unit.most), self._budget)
        return expanding(unit, unchanged_batches(unit, batches))

    def _pieces(self, unit: Unit) -> Iterator[RawBatch]:
        text_from, listed = self._source.text_from, max(self._listed, unit.most or 0)
        with fsspec.open(unit.path, "rb") as file:
            try:
                parquet = pq.ParquetFile(file)
                metadata = parquet.metadata
                columns = present_columns(parquet.schema_arrow, self._source, unit.label)
                wanted = _leaves(parquet, columns)
                described = ColumnChunks(parquet, file.seek(0, 2), wanted)
                groups = range(unit.start, metadata.num_row_groups if unit.stop is None else unit.stop)
                row = _rows_before(metadata, unit.start)
                for group in groups:
                    parts = described.of(group)
                    rows = metadata.row_group(group).num_rows
                    claim = unlikely_chunk(parts, rows, columns["text"][0])
                    if claim is not None:
                        none = table(self._source.fields, [], text_from is not None)
                        yield RawBatch(none, [Drop(-1, "file_unreadable", f"row group {group}, {claim}")])
                        row += rows
                        continue
                    parquet = pq.ParquetFile(
                        file,
                        metadata=metadata,
                        read_dictionary=dictionary_columns(parts),
                        buffer_size=BUFFER,
                        pre_buffer=False,
                        page_checksum_verification=True,
                    )
                    fit = rows * min(READ_BYTES, self._budget) // max(1, sum(p.total_uncompressed_size for p in parts))
                    size = min(max(fit, 1), 1 << 16)
                    leaves = described.paths
                    for read in parquet.iter_batches(size, row_groups=[group], columns=leaves, use_threads=False):
                        for piece in decoded(pa.Table.from_batches([read])):
                            yield from extract(piece, columns, row, self._longest, None, text_from, listed)
                            row += len(piece)
            except PARQUET_ERRORS as error:
                if not data_error(error):
                    raise
                rest = Drop(-1, "file_unreadable", error_detail(error))
                yield RawBatch(table(self._source.fields, [], text_from is not None), [rest])


def _first_bytes(url: str) -> bytes:
    with fsspec.open(url, "rb") as file:
        return bytes(file.read(4))


def _rows_before(metadata: pq.FileMetaData, group: int) -> int:
    return sum(metadata.row_group(before).num_rows for before in range(group))


def _leaves(parquet: pq.ParquetFile, columns: dict[str, tuple[str, ...]]) -> frozenset[str]:
    """Return the paths of the needed columns as Parquet has them; of a struct of a file only its bytes."""
    schema = parquet.schema_arrow
    stored = {stored_column(name, schema.names) for names in columns.values() for name in names}
    wanted = {leaf for name in stored for leaf in (name, f"{name}.bytes")}
    json = {name for field, names in columns.items() if field == "license" or is_column(field) for name in names}
    whole = tuple(f"{name}." for name in stored if name in json or is_list(schema.field(name).type))
    paths = [parquet.schema.column(place).path for place in range(len(parquet.schema))]
    return frozenset(path for path in paths if path in wanted or path.startswith(whole))
