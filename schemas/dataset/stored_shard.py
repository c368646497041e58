"""A shard on a local disk whose rows are read from the file when they are needed."""

import mmap
import struct
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..identity import parse_json
from .packed_row import PackedRow
from .stored_file import StoredFile

MATRICES, TABLES = ("tokens", "segment", "modality"), ("segments", "spans")
COLUMNS = (*MATRICES, *TABLES)
TAIL = struct.Struct("<i6s")  # length of the footer, and the magic of an Arrow file
MAGIC = b"ARROW1"


class StoredMatrix:
    """A (rows, row_length) matrix of a shard; an index by a number, a slice or numbers of rows reads these rows."""

    def __init__(self, file: StoredFile, offset: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self._file, self._offset, self.shape, self.dtype = file, offset, shape, dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice | npt.NDArray[np.integer]) -> npt.NDArray[np.unsignedinteger]:
        """Read rows; raises Refusal if the file was cut or changed."""
        stride = self.shape[1] * self.dtype.itemsize
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step != 1:
                return self[np.arange(start, stop, step)]
            out = np.empty((max(stop - start, 0), self.shape[1]), self.dtype)
            self._file.read_into([out], [self._offset + start * stride])
            return out
        numbers = np.atleast_1d(rows)
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(f"rows {numbers.min()} to {numbers.max()} of {len(self)}")
        out = np.empty((len(numbers), self.shape[1]), self.dtype)
        self._file.read_into(out, (self._offset + stride * numbers).tolist())
        return out if np.ndim(rows) else out[0]

    def flat(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.unsignedinteger]:
        """Return the values at positions of the flattened matrix."""
        length = self.shape[1]
        rows, index = np.unique(positions // length, return_inverse=True)
        found: npt.NDArray[np.unsignedinteger] = self[rows].reshape(-1)[index * length + positions % length]
        return found


class StoredShard:
    """A shard of which only the schema, the dictionaries and, once they are used, the tables are in memory.

    Arrow lays the columns out over memory of the size of the file, of which nothing is there but what was read into it;
    this tells where each column lies in the file.

    Args:
        file: The file.

    Raises:
        Refusal: The file was cut or changed.
        ValueError, LookupError, pyarrow.ArrowException: It is no shard.
    """

    def __init__(self, file: StoredFile) -> None:
        self._file = file
        self._memory = mmap.mmap(-1, max(file.size, 1), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        body, end = _body(file)
        self._bytes = np.frombuffer(self._memory, np.uint8)
        self._fill([(0, body), (end, file.size)])
        reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(self._memory)))
        self._batch = reader.get_batch(0)
        self.contract: dict[str, Any] = parse_json(reader.schema.metadata[b"triptych"])
        self._matrices = {name: self._stored(name) for name in MATRICES}

    @property
    def rows(self) -> int:
        """Number of packed rows."""
        return int(self._batch.num_rows)

    @cached_property
    def tables(self) -> pa.RecordBatch:
        """The segment and span tables of all rows; validate what is used, as offsets may lead out of a buffer."""
        batch = self._batch.select(list(TABLES))
        buffers = [buffer for column in batch.columns for buffer in column.buffers() if buffer is not None]
        inside = [(buffer.address - self._base, buffer.size) for buffer in buffers]
        self._fill([(start, start + size) for start, size in inside if 0 <= start < self._file.size])
        return batch

    def matrix(self, name: str) -> StoredMatrix:
        """Return `tokens`, `segment` or `modality`."""
        return self._matrices[name]

    def part(self, start: int, count: int, names: Sequence[str] = COLUMNS) -> pa.RecordBatch:
        """Read columns of some rows."""
        columns: list[pa.Array] = []
        for name in names:
            if name in TABLES:
                columns.append(self.tables.column(name).slice(start, count))
            else:
                values = self.matrix(name)[start : start + count]
                columns.append(pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1]))
        return pa.RecordBatch.from_arrays(columns, names=list(names))

    def row(self, index: int) -> PackedRow:
        """Read one row."""
        arrays: Any = (self.matrix(name)[index] for name in MATRICES)
        tables: Any = (self.tables.column(name)[index].as_py() for name in TABLES)
        return PackedRow(*arrays, *tables)

    @property
    def _base(self) -> int:
        return int(self._bytes.__array_interface__["data"][0])

    def _fill(self, ranges: Sequence[tuple[int, int]]) -> None:
        self._file.read_into([self._bytes[start:stop] for start, stop in ranges], [start for start, _ in ranges])

    def _stored(self, name: str) -> StoredMatrix:
        column = self._batch.column(name)
        view = column.flatten().to_numpy().reshape(len(column), -1)
        offset = view.__array_interface__["data"][0] - self._base if view.size else 0
        if not 0 <= offset <= self._file.size - view.nbytes:
            raise ValueError(f"its column {name!r} has empty places")
        return StoredMatrix(self._file, offset, view.shape, view.dtype)


def _body(file: StoredFile) -> tuple[int, int]:
    """Where the columns of the only record batch begin and end, by the footer (Arrow's `File.fbs`)."""
    if file.size < TAIL.size:
        raise ValueError("it does not end as an Arrow file")
    length, magic = TAIL.unpack(file.read(file.size - TAIL.size, file.size).tobytes())
    start = file.size - TAIL.size - length
    if magic != MAGIC or length <= 0 or start < 0:
        raise ValueError("it does not end as an Arrow file")
    footer = file.read(start, start + length).tobytes()
    try:
        table = _at("<I", footer, 0)
        fields = table - _at("<i", footer, table)
        blocks = table + _at("<H", footer, fields + 4 + 2 * 3)  # `recordBatches` is field 3 of Footer
        blocks += _at("<I", footer, blocks)
        offset, metadata, size = struct.unpack_from("<qi4xq", footer, blocks + 4)
    except struct.error:
        raise ValueError("its footer is damaged") from None
    body = offset + metadata
    if not 0 <= body <= body + size <= start:
        raise ValueError("its footer is damaged")
    return body, body + size


def _at(form: str, data: bytes, offset: int) -> int:
    if offset < 0:
        raise struct.error
    return int(struct.unpack_from(form, data, offset)[0])
