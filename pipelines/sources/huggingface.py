"""Reader of everything that Hugging Face `datasets` loads, with images and audio undecoded."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.columns import is_column
from ...schemas.config.locations import public_url
from ...schemas.config.run import Limits
from ...schemas.config.sources import DatasetsSource
from ...schemas.identity import bytes_fingerprint, canonical_json
from .base import RawBatch, Unit
from .batches import LONGEST_ROW, BadRow, column_bytes, regroup
from .change_detection import require_digest
from .columns import extract, field_values, present_columns
from .huggingface_load import load
from .text_columns import is_list, stored_column, text_lists

SCAN_ROWS = 1000


class DatasetsReader:
    """Reads a split of a dataset by hub name, builder name or local path; rows are numbered within the split."""

    def __init__(self, source: DatasetsSource, limits: Limits, partition_bytes: int) -> None:
        self._source = source
        self._longest = min(limits.row_bytes, LONGEST_ROW)
        self._budget = partition_bytes

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_dataset"}

    @cached_property
    def _dataset(self) -> Any:
        """The split with only the needed columns, indexed as Arrow tables; raises Refusal when it cannot be loaded."""
        import datasets

        dataset = load(self._source)
        schema = named_labels(dataset.features, dataset.features.arrow_schema.empty_table()).schema
        for names in present_columns(schema, self._source, self._label).values():
            for name in names:
                if isinstance(dataset.features.get(name), (datasets.Image, datasets.Audio)):
                    dataset = dataset.cast_column(name, type(dataset.features[name])(decode=False))
        fields = self._source.fields.values()
        wanted = {stored_column(name, dataset.column_names) for names in fields for name in names}
        return dataset.select_columns([name for name in dataset.column_names if name in wanted]).with_format("arrow")

    def _rows(self, start: int, stop: int | None) -> pa.Table:
        return named_labels(self._dataset.features, self._dataset[start:stop])

    @property
    def _label(self) -> str:
        path = Path(self._source.path)
        name = path.resolve().name if path.exists() else public_url(self._source.path)
        return "/".join(part for part in (name, self._source.config, self._source.split) if part)

    def units(self) -> list[Unit]:
        """List runs of rows whose texts and media have at most `partition_bytes`, or one row."""
        total = min(len(self._dataset), self._source.limit or len(self._dataset))
        starts, used = [0], 0
        for first in range(0, total, SCAN_ROWS):
            rows = self._rows(first, min(first + SCAN_ROWS, total))
            for row, size in enumerate(self._sizes(rows), first):
                if used + size > self._budget and used:
                    starts.append(row)
                    used = 0
                used += int(size)
        stops = [*starts[1:], total]
        return [Unit(self._source.path, self._label, start, stop) for start, stop in zip(starts, stops, strict=True)]

    def files(self, unit: Unit) -> None:
        """Return None: `datasets` decides what is read."""
        return

    def digest(self, unit: Unit) -> str:
        """Hash the unit's values, including the files that it names."""
        return bytes_fingerprint(_identity(self._batches(unit)))

    def read(self, unit: Unit) -> Iterator[RawBatch]:
        """Read a unit, see `Reader.read`.

        Reasons: text_missing, image_missing, audio_missing, row_too_large, utf8_invalid, file_unreadable.
        """
        batches = list(self._batches(unit))
        if unit.digest:
            require_digest(unit, bytes_fingerprint(_identity(batches)))
        return iter(batches)

    def _batches(self, unit: Unit) -> Iterator[RawBatch]:
        rows = self._rows(unit.start, unit.stop)
        reasons = np.full(len(rows), "", object)
        for field, name in self._media(rows):
            rows = rows.set_column(rows.column_names.index(name), name, self._with_files(rows[name], field, reasons))
        columns = present_columns(rows.schema, self._source, unit.label)
        return regroup(extract(rows, columns, unit.start, self._longest, reasons, self._source.text_from), self._budget)

    def _media(self, rows: pa.Table) -> list[tuple[str, str]]:
        """Return (field, column) of {bytes, path} columns, whose bytes may be in files."""
        fields = ("image", "audio")
        pairs = [(field, name) for field in fields for name in self._source.fields.get(field, ())]
        return [(f, n) for f, n in pairs if n in rows.column_names and pa.types.is_struct(rows[n].type)]

    def _with_files(self, column: pa.ChunkedArray, field: str, reasons: npt.NDArray[np.object_]) -> pa.ChunkedArray:
        """Return the bytes of a {bytes, path} column, read from files where null; failures are written to `reasons`."""
        stored = pc.struct_field(column, "bytes")
        values = {}
        for at, path in _paths(column):
            try:
                values[at] = self._file(path, field)
            except BadRow as error:
                reasons[at] = error.reason
        if not values:
            return stored
        filled = [values.get(at, value.as_py()) for at, value in enumerate(stored)]
        return pa.chunked_array([pa.array(filled, pa.large_binary())])

    def _file(self, path: str, field: str) -> bytes:
        try:
            with fsspec.open(path, "rb") as file:
                data: bytes = file.read(self._longest + 1)
        except FileNotFoundError:
            raise BadRow(f"{field}_missing") from None
        except PermissionError:
            raise BadRow("file_unreadable") from None
        return data

    def _sizes(self, rows: pa.Table) -> npt.NDArray[np.int64]:
        sizes = np.zeros(len(rows), np.int64)
        names = self._source.fields["text"]
        texts = [name for name in names if stored_column(name, rows.column_names) in rows.column_names]
        sizes += column_bytes(pa.chunked_array([text_lists(rows, texts)]))
        for field, names in self._source.fields.items():
            for name in set(names).intersection(rows.column_names):
                column = rows[name]
                if is_column(field) or field == "text":
                    continue
                if field in ("image", "audio") and pa.types.is_struct(column.type):
                    for at, path in _paths(column):
                        sizes[at] += _file_size(path)
                sizes += column_bytes(field_values(column, field).cast(pa.large_binary()))
        return sizes


def named_labels(features: Any, rows: pa.Table) -> pa.Table:
    """Replace the numbers of ClassLabel columns by the names that they stand for."""
    for name, feature in features.items():
        labels = getattr(feature, "names", None)
        if labels and name in rows.column_names and pa.types.is_integer(rows[name].type):
            numbers = pc.if_else(pc.less(rows[name], 0), None, rows[name])  # -1 stands for a missing label
            named = pa.array(labels, pa.string()).take(numbers.combine_chunks())
            rows = rows.set_column(rows.column_names.index(name), name, pa.chunked_array([named]))
    return rows


def _identity(batches: Iterable[RawBatch]) -> Iterator[bytes]:
    for batch in batches:
        yield canonical_json([[drop.row, drop.reason, drop.detail] for drop in batch.drops])
        for name in batch.table.column_names:
            column = batch.table[name]
            if name == "row":
                yield column.to_numpy().tobytes()
            else:
                if is_list(column.type):
                    yield pc.list_value_length(column).to_numpy().tobytes()
                    column = pc.list_flatten(column)
                yield pc.fill_null(pc.binary_length(column), -1).to_numpy().tobytes()
                yield from column.cast(pa.binary()).drop_null().to_pylist()


def _paths(column: pa.ChunkedArray) -> Iterator[tuple[int, str]]:
    """Yield (index, path) of the values of a {bytes, path} column that have only a path."""
    if column.type.get_field_index("path") < 0:
        return
    alone = pc.and_(pc.struct_field(column, "bytes").is_null(), pc.struct_field(column, "path").is_valid())
    paths = pc.struct_field(column, "path")
    for at in np.flatnonzero(alone.to_numpy()):
        yield int(at), paths[int(at)].as_py()


def _file_size(path: str) -> int:
    try:
        fs, name = fsspec.core.url_to_fs(path)
        return int(fs.size(name) or 0)
    except (FileNotFoundError, PermissionError):
        return 0
