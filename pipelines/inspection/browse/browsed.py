"""A dataset opened to be looked at: any row at once, however many shards there are.

A shard is not hashed as a whole before its first row is shown, as `Dataset.open` does; instead each row is checked
before it is read. `triptych verify` checks everything.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa

from ....schemas.dataset.file_entry import ShardEntry
from ....schemas.dataset.manifest import MANIFEST, Manifest
from ....schemas.dataset.packed_row import PackedRow
from ....schemas.dataset.reader import Dataset, Shard
from ....schemas.dataset.shard_list import ShardList
from ....schemas.dataset.stored_file import StoredFile
from ....schemas.dataset.stored_shard import COLUMNS, StoredShard
from ....schemas.errors import Refusal
from .large_manifest import LARGE, large_manifest

OPEN_LOCAL, OPEN_REMOTE = 16, 2  # shards that stay open; a remote one is held in memory


class BrowsedDataset(Dataset):
    """A dataset whose rows are read from shards that are not hashed as a whole.

    Args:
        url: URL of the dataset.
        cache: Folder of the cache of large manifests.

    Raises:
        Refusal: There is no finished dataset at the URL.
    """

    def __init__(self, url: str, cache: str | None = None) -> None:
        self._cache = cache
        super().__init__(url)
        self._shards: OrderedDict[int, Shard | StoredShard] = OrderedDict()
        self._lock = Lock()

    def _read_manifest(self) -> Manifest:
        if int(self.fs.info(f"{self.root}/{MANIFEST}")["size"]) > LARGE:
            cached = large_manifest(self.url, self.fs, self.root, self._cache)
            if cached is not None:
                return cached
        return super()._read_manifest()

    @property
    def shards(self) -> ShardList:
        """The shards of the manifest."""
        return self.manifest.shards

    def shard_of(self, row: int) -> int:
        """Return the number of the shard that has a row."""
        return int(np.searchsorted(self.shards.ends, row, side="right"))

    def shard(self, number: int) -> Shard | StoredShard:
        """Open a shard, given its number in the manifest.

        Raises:
            Refusal: The shard is missing, cannot be read, or is not one of this dataset.
        """
        with self._lock:
            if number in self._shards:
                self._shards.move_to_end(number)
                return self._shards[number]
        shard = self._opened_shard(self.shards[number])
        with self._lock:
            self._shards[number] = shard
            while len(self._shards) > (OPEN_LOCAL if self.local else OPEN_REMOTE):
                self._shards.popitem(last=False)
        return shard

    def _opened_shard(self, entry: ShardEntry) -> Shard | StoredShard:
        path, where = self.path(entry), f"{self.where}/{entry.file}"
        try:
            if not self.local:
                shard: Shard | StoredShard = Shard(pa.BufferReader(self.fs.cat_file(path)))
            else:
                file = StoredFile(path, where)
                if file.size != entry.bytes:
                    raise ValueError(f"{file.size:,} bytes of {entry.bytes:,}")
                shard = StoredShard(file)
            self.require_contract(entry, shard.contract)
            self.require_extent(entry, shard)
        except (OSError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
            raise Refusal(f"{where}: cannot be read ({error}). Prepare the dataset again.", exit_code=1) from None
        return shard

    def part(self, shard: int, start: int, count: int, names: Sequence[str] = COLUMNS) -> pa.RecordBatch:
        """Return columns of some rows of a shard, validated.

        Raises:
            Refusal: These rows are damaged, or the shard was cut or changed since it was opened.
        """
        try:
            part = self.shard(shard).part(start, count, names)
            part.validate(full=True)  # offsets that lead out of a buffer would end the process
        except Refusal:
            with self._lock:
                self._shards.pop(shard, None)  # it may be restored
            raise
        except pa.ArrowException as error:
            where = f"{self.where}/{self.shards[shard].file}"
            raise Refusal(f"{where}: rows from {start} are damaged ({error}).", exit_code=1) from None
        return part

    def row(self, index: int) -> PackedRow:
        """Return row `index` of the dataset, counted over all shards.

        Raises:
            Refusal: The index is out of range.
        """
        if not 0 <= index < self.rows:
            raise Refusal(f"row {index}: {self.where} has rows 0 to {self.rows - 1}. Choose one of these.")
        shard = self.shard_of(index)
        one = self.part(shard, index - self.first_row(shard), 1)
        arrays = (one.column(name).flatten().to_numpy() for name in ("tokens", "segment", "modality"))
        tables: Iterator[list[dict[str, Any]]] = (one.column(name)[0].as_py() for name in ("segments", "spans"))
        return PackedRow(*arrays, *tables)
