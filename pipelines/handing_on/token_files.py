"""Reads documents that other software has tokenized: Megatron-LM, datatrove, and Parquet with lists of ids.

Formats: https://github.com/NVIDIA/Megatron-LM/blob/main/megatron/core/datasets/indexed_dataset.py (`.bin` and `.idx`),
https://github.com/huggingface/datatrove/blob/main/src/datatrove/pipeline/tokens/tokenizer.py (`.ds` and `.ds.index`).
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...schemas.dataset.parquet_chunks import ColumnChunks
from ...schemas.errors import Refusal, brief
from ..sources.parquet import BUFFER
from ..sources.parquet_expansion import MOST_CLAIMED, RATIO
from ..sources.streams import PARQUET_ERRORS, data_error
from .megatron import HEADER

BLOCK_TOKENS, BLOCK_DOCUMENTS = 1 << 20, 1 << 16  # that are read together
LONGEST = 1 << 24  # ids of a document: as many as a text of 64 MiB has
MEGATRON_TYPES = {1: np.uint8, 2: np.int8, 3: np.int16, 4: np.int32, 5: np.int64, 8: np.uint16}


class Documents(NamedTuple):
    """Some documents of a file, one after another."""

    ids: npt.NDArray[np.int64]  # of all documents
    lengths: npt.NDArray[np.int64]  # of each
    missing: npt.NDArray[np.bool_]  # where there is no list at all


def read_megatron(path: Path, column: str) -> Iterator[Documents]:
    """Read the documents of an `.idx` file and the `.bin` beside it; `column` has no meaning here.

    Raises:
        Refusal: A file is missing, damaged, or of another version.
    """
    index, ids = path.with_suffix(".idx"), path.with_suffix(".bin")
    data = _index(index)
    head = struct.calcsize("<QBQQ")
    if len(data) < len(HEADER) + head or bytes(data[: len(HEADER)]) != HEADER:
        raise Refusal(f"{index}: is no index of Megatron-LM (MMIDIDX). Give the `.idx` file of a dataset.")
    version, code, count, bounds = struct.unpack("<QBQQ", data[len(HEADER) : len(HEADER) + head].tobytes())
    if version != 1 or code not in MEGATRON_TYPES:
        raise Refusal(f"{index}: has version {version} and id type {code}; version 1 with whole numbers can be read.")
    at = len(HEADER) + head
    if len(data) < at + count * 12 + bounds * 8 or not bounds:
        raise Refusal(f"{index}: is cut off, {len(data):,} bytes. Copy it again.")
    lengths = np.frombuffer(data, "<i4", count, at).astype(np.int64)
    starts = np.frombuffer(data, "<i8", count, at + 4 * count)
    documents = np.frombuffer(data, "<i8", bounds, at + 12 * count)
    tokens = _Ids(ids, MEGATRON_TYPES[code])
    sizes = np.r_[0, np.cumsum(lengths)]
    if (lengths < 0).any() or (np.diff(documents) < 0).any() or documents[0] < 0 or documents[-1] > count:
        raise Refusal(f"{index}: is damaged: its lengths or documents are not in order. Copy it again.")
    if not np.array_equal(starts, sizes[:-1] * tokens.itemsize):
        raise Refusal(f"{index}: its sequences do not lie one after another in {ids.name}, which is not read.")
    yield from _sliced(tokens, sizes[documents], ids)


def read_datatrove(path: Path, column: str) -> Iterator[Documents]:
    """Read the documents of a `.ds` file by the `.ds.index` beside it; `column` has no meaning here.

    Ids have 2 or 4 bytes, whichever fits the size of the file.

    Raises:
        Refusal: A file is missing or damaged.
    """
    index = path.with_name(f"{path.name}.index")
    ends = _index(index)
    if len(ends) % 8:
        raise Refusal(f"{index}: is cut off, {len(ends):,} bytes. Copy it again.")
    bounds = np.r_[0, np.frombuffer(ends, "<u8").astype(np.int64)]
    _require_there(path)
    size = path.stat().st_size
    types = {int(bounds[-1]) * np.dtype(each).itemsize: each for each in (np.uint32, np.uint16)}
    if size not in types or (np.diff(bounds) < 0).any():
        raise Refusal(f"{path}: has {size:,} bytes, and its index {bounds[-1]:,} ids of 2 or 4 bytes. Copy both again.")
    yield from _sliced(_Ids(path, types[size]), bounds, path)


def read_parquet(path: Path, column: str) -> Iterator[Documents]:
    """Read the lists of a column of a Parquet file, a document a row.

    Raises:
        Refusal: It is no Parquet file, or has no such column of lists of whole numbers.
    """
    first = 0
    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)
        kind = _require_lists(file, path, column)
        leaves = [file.schema.column(at).path for at in range(len(file.schema))]
        wanted = frozenset(leaf for leaf in leaves if leaf == column or leaf.startswith(f"{column}."))
        described = ColumnChunks(file, path.stat().st_size, wanted)
        for group in range(file.metadata.num_row_groups):
            parts, rows = described.of(group), file.metadata.row_group(group).num_rows
            ids = max((part.num_values for part in parts), default=0)
            stored = sum(part.total_compressed_size for part in parts)
            if max(ids, rows) > MOST_CLAIMED >> 6 and max(ids, rows) > RATIO * stored:
                raise Refusal(f"{path}: row group {group} claims {ids:,} ids in {stored:,} bytes, and is not read.")
            together = max(1, min(1024, BLOCK_TOKENS * rows // max(ids, 1)))
            for batch in file.iter_batches(together, row_groups=[group], columns=[column], use_threads=False):
                lists = batch.column(0).cast(pa.large_list(kind.value_type))
                lists.validate(full=True)
                missing = lists.is_null().to_numpy(zero_copy_only=False)
                lengths = pc.list_value_length(lists).fill_null(0).to_numpy().astype(np.int64)
                _require_bounded(lengths, first, path)
                values = lists.flatten()
                if values.null_count:
                    raise Refusal(f"{path}: lists of the column {column!r} have empty places. Write it without them.")
                first += len(lengths)
                yield Documents(values.to_numpy().astype(np.int64), lengths, missing)
    except PARQUET_ERRORS as error:
        if not data_error(error):
            raise
        raise Refusal(f"{path}: is no Parquet file, or a damaged one ({brief(error)}). Copy it again.") from None


def _require_lists(file: pq.ParquetFile, path: Path, column: str) -> Any:
    names = file.schema_arrow.names
    if column not in names:
        raise Refusal(f"{path}: has no column {column!r}. It has {', '.join(names)}; give one with --column.")
    kind = file.schema_arrow.field(column).type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not pa.types.is_integer(kind.value_type):
        raise Refusal(
            f"{path}: the column {column!r} holds {kind}, not lists of whole numbers. Give another: --column."
        )
    return kind


READERS: dict[str, Callable[[Path, str], Iterator[Documents]]] = {
    ".idx": read_megatron,
    ".bin": read_megatron,
    ".ds": read_datatrove,
    ".parquet": read_parquet,
}


def parts_of(path: Path) -> list[Path]:
    """All files that hold the documents of a file, which identify its content."""
    if path.suffix in (".idx", ".bin"):
        return [path.with_suffix(".idx"), path.with_suffix(".bin")]
    return [path, path.with_name(f"{path.name}.index")] if path.suffix == ".ds" else [path]


def _index(path: Path) -> npt.NDArray[np.uint8]:
    """The bytes of an index."""
    _require_there(path)
    return np.fromfile(path, np.uint8)


def _require_there(path: Path) -> None:
    if not path.is_file():
        raise Refusal(f"{path}: does not exist. Both files of a dataset must lie beside each other.")


class _Ids:
    """The ids of a file, of which a block is read at a time; nothing is mapped, since a cut would end the process."""

    def __init__(self, path: Path, dtype: Any) -> None:
        _require_there(path)
        size, self.itemsize = path.stat().st_size, np.dtype(dtype).itemsize
        if size % self.itemsize:
            raise Refusal(f"{path}: is cut off: {size:,} bytes are no whole number of ids. Copy it again.")
        self._path, self._dtype, self.count = path, dtype, size // self.itemsize

    def between(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """The ids `start` to `stop`."""
        found = np.fromfile(self._path, self._dtype, stop - start, offset=start * self.itemsize)
        if len(found) != stop - start:
            raise Refusal(f"{self._path}: was cut while it was read. Copy it again.", exit_code=1)
        return found.astype(np.int64)


def _sliced(tokens: _Ids, bounds: npt.NDArray[np.int64], path: Path) -> Iterator[Documents]:
    """Blocks of documents that lie one after another; `bounds` has one entry more than there are documents."""
    if bounds[-1] > tokens.count:
        raise Refusal(f"{path}: has {tokens.count:,} ids, and its index {bounds[-1]:,}. Copy both again.")
    _require_bounded(np.diff(bounds), 0, path)
    first = 0
    while first < len(bounds) - 1:
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + BLOCK_TOKENS, side="right")) - 1)
        last = min(last, first + BLOCK_DOCUMENTS)
        part = bounds[first : last + 1]
        yield Documents(tokens.between(int(part[0]), int(part[-1])), np.diff(part), np.zeros(last - first, bool))
        first = last


def _require_bounded(lengths: npt.NDArray[np.int64], first: int, path: Path) -> None:
    """Refuse a document that would take memory without a bound."""
    if len(lengths) and lengths.max() > LONGEST:
        number = first + int(lengths.argmax())
        raise Refusal(
            f"{path}: document {number:,} has {lengths.max():,} ids, and at most {LONGEST:,} are read. Split it."
        )
