"""From signatures to edges: rows that share a key are candidates, and candidates that are alike become edges."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.tables import DROPPED
from ...schemas.storage.store import Store
from ..engines.partition import Outcome, Partition, load
from ..engines.shuffle import bucket_key
from ..engines.stage import part_key, part_name
from .protocol import NearMethod
from .sign import Distinct

CANDIDATES_VERSION = 1
BUCKET_BITS = np.uint64(32)
PAIRS = 1 << 16  # pairs whose signatures are in memory at a time

Vertices = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Key:
    """Computes the keys of a bucket's distinct rows, by one near-duplicate method."""

    near: NearMethod
    number: int  # index of the method's signature column
    name: str = "near-keys"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version and settings of the method."""
        return [CANDIDATES_VERSION, self.number, self.near.identity()]

    def run(self, table: pa.Table) -> Outcome:
        """Return (key, id, sketch) rows, where `id` is the vertex."""
        signature = f"near{self.number}"
        rows = table.filter(pc.and_(table["first"], pc.is_valid(table[signature])))
        keyed = self.near.keys(rows[signature].combine_chunks())
        vertex = rows["vertex"].to_numpy()[keyed.owner]
        return _uncounted(pa.table({"key": keyed.key, "id": vertex, "sketch": keyed.sketch}))


@dataclass(frozen=True)
class Pair:
    """Finds candidate pairs in one bucket of keys; rows come sorted by (key, id)."""

    near: NearMethod
    name: str = "near-pairs"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version and settings of the method."""
        return [CANDIDATES_VERSION, self.near.identity()]

    def run(self, table: pa.Table) -> Outcome:
        """Return (bucket, id, right) rows: the smaller vertex `id`, its bucket, and the larger vertex."""
        vertex = table["id"].to_numpy()
        left, right = self.near.pairs(table["key"].to_numpy(), table["sketch"].to_numpy())
        return _uncounted(_pairs(vertex[left], vertex[right]))


@dataclass(frozen=True)
class Verify:
    """Keeps the candidate pairs that are alike, for pairs whose smaller vertex is in one bucket.

    Signatures are read from the parts of distinct rows, one bucket at a time. From a local store only those of the
    pairs are read, from an object store the whole part.
    """

    store: Store
    near: NearMethod
    number: int
    origin: str  # key of the shuffle whose buckets `Distinct` numbered
    buckets: int
    name: str = "near-edges"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version, settings of the method, and what identifies the parts with signatures."""
        return [CANDIDATES_VERSION, self.number, self.near.identity(), self.origin]

    def run(self, table: pa.Table) -> Outcome:
        """Return the (bucket, id, right) rows without duplicates and without pairs that are not alike."""
        pairs = _pairs(table["id"].to_numpy(), table["right"].to_numpy())
        left, right = pairs["id"].to_numpy(), pairs["right"].to_numpy()
        alike = np.zeros(len(pairs), bool)
        bucket = right >> BUCKET_BITS
        if not len(pairs):
            return _uncounted(pairs)
        mine = self._signatures(left)
        for other in np.unique(bucket).tolist():
            at = np.flatnonzero(bucket == other)
            theirs = self._signatures(right[at])
            # a large group of similar rows has far more pairs than members, so compare them piece by piece
            for piece in np.split(at, range(PAIRS, len(at), PAIRS)):
                alike[piece] = self.near.alike(mine.of(left[piece]), theirs.of(right[piece]))
        return _uncounted(pairs.filter(pa.array(alike)))

    def _signatures(self, vertices: Vertices) -> "_Signatures":
        """Return the signatures of the bucket that contains all these vertices."""
        stage, key = Distinct(self.buckets), bucket_key(self.origin, int(vertices[0] >> BUCKET_BITS))
        name = part_name(stage.name, part_key(stage, Partition(key, (), 0)))
        table = load(self.store, Partition(key, ((name, None),), 0))
        return _Signatures(table[f"near{self.number}"], np.flatnonzero(table["first"]))


class _Signatures(NamedTuple):
    """The signature column of a bucket, and the indices of its distinct rows."""

    column: pa.ChunkedArray
    rows: npt.NDArray[np.int64]

    def of(self, vertices: Vertices) -> pa.Array:
        """Return the signatures of some vertices of the bucket."""
        return self.column.take(pa.array(self.rows[place_of(vertices)])).combine_chunks()


def place_of(vertex: Vertices) -> npt.NDArray[np.int64]:
    """Return the index of each vertex among the distinct rows of its bucket."""
    return (vertex & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _pairs(left: Vertices, right: Vertices) -> pa.Table:
    """Return each pair once, the smaller vertex on the left, without pairs of equal vertices."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    new = np.r_[True, (low[1:] != low[:-1]) | (high[1:] != high[:-1])][: len(low)] & (low != high)
    return pa.table({"bucket": low[new] >> BUCKET_BITS, "id": low[new], "right": high[new]})


def _uncounted(table: pa.Table) -> Outcome:
    return Outcome(table, DROPPED.empty_table(), note={"bytes": table.nbytes})
