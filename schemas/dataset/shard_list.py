"""The shards of a dataset as Arrow columns, with the face of a sequence of entries.

A million shards as Python objects would take 5 GB and a minute; as columns they take some 100 MB. An entry is built
when it is asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice, pairwise
from typing import Annotated, Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import PlainSerializer, PlainValidator, TypeAdapter

from .file_entry import ShardEntry

Ints = npt.NDArray[np.int64]

MODALITIES = ("text", "image", "audio")
COUNTS = ("bytes", "rows", *MODALITIES)
SHARDS = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("xxh3", pa.binary(16), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        *(pa.field(name, pa.int64()) for name in MODALITIES),  # tokens; null where a shard has none
    ]
)
_AT = SHARDS.get_field_index("group")
# As it is in memory: groups are few.
COLUMNS = SHARDS.set(_AT, pa.field("group", pa.dictionary(pa.int32(), pa.string()), nullable=False))
_BLOCK = 1 << 16
_LARGEST = 1 << 62  # sum of a column


class ShardList(Sequence[ShardEntry]):
    """The shards in the order of the manifest.

    Args:
        table: Their columns, as in SHARDS; the group may be dictionary-encoded, as in COLUMNS.

    Raises:
        ValueError: Two shards have one file, or a sum is too large.
    """

    def __init__(self, table: pa.Table) -> None:
        if table.schema != COLUMNS:
            groups = table["group"].dictionary_encode().cast(COLUMNS.field(_AT).type)
            table = table.cast(SHARDS).set_column(_AT, COLUMNS.field(_AT), groups)
        self._table = table
        if _repeated(self.files):
            raise ValueError("two shards have the same file")
        for name in COUNTS:
            column = self._table[name]
            total = pc.sum(column.cast(pa.float64(), safe=False)).as_py() or 0
            if (pc.min(column).as_py() or 0) < 0 or total > _LARGEST:
                raise ValueError(f"{name}: is negative or too large")

    @classmethod
    def of(cls, entries: Iterable[ShardEntry]) -> "ShardList":
        """Build the list of some entries, which are taken in blocks.

        Raises:
            ValueError: Two have the same file, or one has tokens of an unknown modality.
        """
        if isinstance(entries, cls):
            return entries
        left = iter(entries)
        tables = [pa.Table.from_batches([], SHARDS)]
        while block := list(islice(left, _BLOCK)):
            tables.append(_table_of(block))
        return cls(pa.concat_tables(tables))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @overload
    def __getitem__(self, index: int) -> ShardEntry: ...

    @overload
    def __getitem__(self, index: slice) -> "ShardList": ...

    def __getitem__(self, index: int | slice) -> "ShardEntry | ShardList":
        numbers = range(len(self))[index]
        if isinstance(numbers, int):
            return next(_entries(self._table.slice(numbers, 1)))
        return self.take(np.array(numbers, np.int64))

    def __iter__(self) -> Iterator[ShardEntry]:
        for start in range(0, len(self), _BLOCK):
            yield from _entries(self._table.slice(start, _BLOCK))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ShardList):
            return bool(self.table.equals(other.table))
        return isinstance(other, Sequence) and len(other) == len(self) and all(map(ShardEntry.__eq__, self, other))

    def __repr__(self) -> str:
        return f"ShardList({len(self):,} shards)"

    def take(self, numbers: Ints) -> "ShardList":
        """Return the list of some shards; those that follow each other share the memory of this list."""
        if len(numbers) and np.array_equal(numbers, np.arange(numbers[0], numbers[0] + len(numbers))):
            return self._some(self._table.slice(int(numbers[0]), len(numbers)))
        return self._some(self._table.take(pa.array(numbers)))

    def _some(self, table: pa.Table) -> "ShardList":
        """A list of shards that are in this one, so that nothing is to be checked."""
        some = ShardList.__new__(ShardList)
        some._table = table
        return some

    @property
    def table(self) -> pa.Table:
        """The columns of SHARDS."""
        return self._table.cast(SHARDS)

    @property
    def files(self) -> pa.ChunkedArray:
        """Name of each shard's file."""
        return self._table["file"]

    @cached_property
    def rows(self) -> Ints:
        """Rows of each shard."""
        chunks = [np.zeros(0, np.int64), *(_view(chunk, np.int64) for chunk in self._table["rows"].chunks)]
        return np.concatenate(chunks)

    @cached_property
    def ends(self) -> Ints:
        """Rows of each shard and of all before it."""
        return np.cumsum(self.rows)

    @property
    def total_bytes(self) -> int:
        """Bytes of all shards."""
        return int(pc.sum(self._table["bytes"]).as_py() or 0)

    @property
    def total_rows(self) -> int:
        """Rows of all shards."""
        return int(self.ends[-1]) if len(self) else 0

    @property
    def total_tokens(self) -> dict[str, int]:
        """Tokens of all shards by modality, without those of which there are none."""
        sums = {name: pc.sum(self._table[name]).as_py() for name in MODALITIES}
        return {name: int(count) for name, count in sums.items() if count is not None}

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, in the order of their first shards."""
        return tuple(self._table["group"].unique().to_pylist())

    def numbers_of(self, group: str) -> Ints:
        """Return the numbers of the shards of a group."""
        column = self._table["group"].unify_dictionaries()
        if not column.num_chunks:
            return np.zeros(0, np.int64)
        names = column.chunk(0).dictionary.to_pylist()
        codes = np.concatenate([_view(chunk.indices, np.int32) for chunk in column.chunks])
        return np.flatnonzero(codes == (names.index(group) if group in names else -1))


def _view(chunk: pa.Array, dtype: type[np.signedinteger[Any]]) -> npt.NDArray[Any]:
    """The numbers of a column without nulls; `Array.to_numpy` would import pandas, as `pa.array` does."""
    return np.frombuffer(chunk.buffers()[1] or b"", dtype)[chunk.offset : chunk.offset + len(chunk)]


def _repeated(names: pa.ChunkedArray) -> bool:
    """Whether a name occurs twice; hashes come first, since a table of all names takes twice their memory."""
    hashes = [np.zeros(0, np.uint64)]
    for chunk in names.chunks:
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].tolist()
        texts = memoryview(data or b"")
        hashes.append(
            np.array([xxhash.xxh3_64_intdigest(texts[start:end]) for start, end in pairwise(ends)], np.uint64)
        )
    ordered = np.sort(np.concatenate(hashes))
    return bool((ordered[1:] == ordered[:-1]).any()) and len(pc.unique(names)) != len(names)


def _validated(value: Any) -> ShardList:
    return value if isinstance(value, ShardList) else ShardList.of(_ENTRIES.validate_python(value))


def _dumped(shards: Iterable[ShardEntry]) -> list[dict[str, Any]]:
    return [entry.model_dump(mode="json") for entry in shards]


_ENTRIES = TypeAdapter(tuple[ShardEntry, ...])
# A list of shards as a field of a model; in JSON, it is an array of entries.
Shards = Annotated[ShardList, PlainValidator(_validated), PlainSerializer(_dumped)]


def _entries(table: pa.Table) -> Iterator[ShardEntry]:
    for line in table.to_pylist():
        tokens = {name: line[name] for name in MODALITIES if line[name] is not None}
        yield ShardEntry.model_construct(
            file=line["file"],
            bytes=line["bytes"],
            xxh3=line["xxh3"].hex(),
            group=line["group"],
            rows=line["rows"],
            tokens=tokens,
        )


def _table_of(entries: Sequence[ShardEntry]) -> pa.Table:
    for entry in entries:
        if unknown := set(entry.tokens).difference(MODALITIES):
            raise ValueError(f"{entry.file}: tokens of {sorted(unknown)[0][:100]!r}, which is no modality")
    columns: dict[str, list[Any]] = {name: [getattr(entry, name) for entry in entries] for name in ("file", "group")}
    columns |= {name: [getattr(entry, name) for entry in entries] for name in ("bytes", "rows")}
    columns |= {name: [entry.tokens.get(name) for entry in entries] for name in MODALITIES}
    columns["xxh3"] = [bytes.fromhex(entry.xxh3) for entry in entries]
    arrays = [_array(SHARDS.field(name).type, columns[name]) for name in SHARDS.names]
    return pa.Table.from_arrays(arrays, schema=SHARDS)


def _array(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    """Return values as an array; `pa.array` would import pandas, which takes longer than opening a small dataset."""
    if kind == pa.int64():
        try:
            data = np.array([value or 0 for value in values], np.int64)
        except OverflowError as error:
            raise ValueError(str(error)) from None
        valid = np.packbits([value is not None for value in values], bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [pa.py_buffer(valid), pa.py_buffer(data)])
    raw = [value if isinstance(value, bytes) else value.encode() for value in values]
    data = pa.py_buffer(b"".join(raw))
    if kind == pa.binary(16):
        return pa.Array.from_buffers(kind, len(values), [None, data])
    ends = np.cumsum([0, *map(len, raw)]).astype(np.int32)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(ends), data])
