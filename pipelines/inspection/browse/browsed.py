"""A dataset opened to be looked at: any row at once, however many shards there are.

A shard is not hashed as a whole before its first row is shown, as `Dataset.open` does; instead each row is checked
before it is read. `triptych verify` checks everything.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa

from ....schemas.dataset.manifest import MANIFEST, Manifest
from ....schemas.dataset.packed_row import READABLE
from ....schemas.dataset.reader import Dataset, PackedRow
from ....schemas.dataset.shard_list import ShardList
from ....schemas.errors import Mismatch, Refusal
from ....schemas.storage.inside import require_inside
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
        self._batches: OrderedDict[int, pa.RecordBatch] = OrderedDict()
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

    def batch(self, shard: int) -> pa.RecordBatch:
        """Return the rows of a shard; they must be validated before they are read, as `part` does.

        Raises:
            Refusal: The shard is missing, cannot be read, or is not one of this dataset.
        """
        with self._lock:
            if shard in self._batches:
                self._batches.move_to_end(shard)
                return self._batches[shard]
        batch = self._opened_batch(self.shards[shard].file)
        with self._lock:
            self._batches[shard] = batch
            while len(self._batches) > (OPEN_LOCAL if self.local else OPEN_REMOTE):
                self._batches.popitem(last=False)
        return batch

    def _opened_batch(self, file: str) -> pa.RecordBatch:
        where = f"{self.where}/{file}"
        path = f"{self.root}/{file}"
        if self.local:
            require_inside(self.root, file)
        try:
            source = pa.memory_map(path) if self.local else pa.BufferReader(self.fs.cat_file(path))
            reader = pa.ipc.open_file(source)
            batch, contract = reader.get_batch(0), json.loads(reader.schema.metadata[b"triptych"])
        except (FileNotFoundError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
            raise Refusal(f"{where}: cannot be read ({error}). Prepare the dataset again.", exit_code=1) from None
        if contract["row_version"] not in READABLE:
            raise Refusal(f"{where}: its rows have version {contract['row_version']}.", exit_code=1)
        mine, theirs = self.manifest.vocabulary_fingerprint, contract["vocabulary_fingerprint"]
        if mine != theirs:
            raise Mismatch.between("vocabulary", ("the manifest", mine), (file, theirs), "Prepare the dataset again.")
        return batch

    def part(self, shard: int, start: int, count: int) -> pa.RecordBatch:
        """Return some rows of a shard, validated.

        Raises:
            Refusal: These rows are damaged.
        """
        part = self.batch(shard).slice(start, count)
        try:
            part.validate(full=True)  # offsets that lead out of a buffer would end the process
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
