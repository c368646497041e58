"""From signatures to edges: rows that share a key are candidates, and a candidate pair is an edge if it is alike."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.tables import DROPPED
from ...schemas.identity import fingerprint
from ...schemas.storage.store import Store
from ..engines.partition import Outcome, Partition, load
from .protocol import NearMethod

CANDIDATES_VERSION = 1
BUCKET_BITS = np.uint64(32)
PAIRS = 1 << 16  # whose signatures are in memory at a time

Vertices = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Key:
    """The keys of a bucket's distinct rows, by one way of being near."""

    near: NearMethod
    number: int  # of the signature's column
    name: str = "near-keys"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version and what is near."""
        return [CANDIDATES_VERSION, self.number, self.near.identity()]

    def run(self, table: pa.Table) -> Outcome:
        """(key, id, sketch) rows, where `id` is the vertex."""
        signature = f"near{self.number}"
        rows = table.filter(pc.and_(table["first"], pc.is_valid(table[signature])))
        keyed = self.near.keys(rows[signature].combine_chunks())
        vertex = rows["vertex"].to_numpy()[keyed.owner]
        return _side(pa.table({"key": keyed.key, "id": vertex, "sketch": keyed.sketch}))


@dataclass(frozen=True)
class Pair:
    """The candidates among rows of one bucket of keys, which come sorted by (key, id)."""

    near: NearMethod
    name: str = "near-pairs"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version and what is near."""
        return [CANDIDATES_VERSION, self.near.identity()]

    def run(self, table: pa.Table) -> Outcome:
        """(bucket, id, right) rows: two vertices, `id` the lesser, and its bucket."""
        vertex = table["id"].to_numpy()
        left, right = self.near.pairs(table["key"].to_numpy(), table["sketch"].to_numpy())
        return _side(_pairs(vertex[left], vertex[right]))


@dataclass(frozen=True)
class Verify:
    """The pairs that are alike, of those whose lesser vertex lies in one bucket.

    Signatures are taken from the distinct parts where they lie, a bucket at a time and no more of it than the pairs
    name: of a local store that is what is read, of an object store the whole part.
    """

    store: Store
    near: NearMethod
    number: int
    distinct: tuple[Partition, ...]  # by bucket
    name: str = "near-edges"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version, what is near, and the signatures."""
        signatures = fingerprint([part.key for part in self.distinct])
        return [CANDIDATES_VERSION, self.number, self.near.identity(), signatures]

    def run(self, table: pa.Table) -> Outcome:
        """(bucket, id, right) rows as they came in, without the pairs that are not alike and the repeated ones."""
        pairs = _pairs(table["id"].to_numpy(), table["right"].to_numpy())
        left, right = pairs["id"].to_numpy(), pairs["right"].to_numpy()
        alike = np.zeros(len(pairs), bool)
        bucket = right >> BUCKET_BITS
        if not len(pairs):
            return _side(pairs)
        mine = self._signatures(left)
        for other in np.unique(bucket).tolist():
            at = np.flatnonzero(bucket == other)
            theirs = self._signatures(right[at])
            # a crowd of look-alikes has far more pairs than members
            for piece in np.split(at, range(PAIRS, len(at), PAIRS)):
                alike[piece] = self.near.alike(mine.of(left[piece]), theirs.of(right[piece]))
        return _side(pairs.filter(pa.array(alike)))

    def _signatures(self, vertices: Vertices) -> "_Signatures":
        """Of the bucket that all these vertices lie in."""
        table = load(self.store, self.distinct[int(vertices[0] >> BUCKET_BITS)])
        return _Signatures(table[f"near{self.number}"], np.flatnonzero(table["first"]))


class _Signatures(NamedTuple):
    """The signatures of a bucket, where they lie, and which rows are distinct ones."""

    column: pa.ChunkedArray
    rows: npt.NDArray[np.int64]

    def of(self, vertices: Vertices) -> pa.Array:
        """Those of some vertices of the bucket."""
        return self.column.take(pa.array(self.rows[place_of(vertices)])).combine_chunks()


def place_of(vertex: Vertices) -> npt.NDArray[np.int64]:
    """The place of each vertex among the distinct rows of its bucket."""
    return (vertex & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _pairs(left: Vertices, right: Vertices) -> pa.Table:
    """Each pair once, the lesser vertex on the left, none with itself."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    new = np.r_[True, (low[1:] != low[:-1]) | (high[1:] != high[:-1])][: len(low)] & (low != high)
    return pa.table({"bucket": low[new] >> BUCKET_BITS, "id": low[new], "right": high[new]})


def _side(table: pa.Table) -> Outcome:
    return Outcome(table, DROPPED.empty_table(), note={"bytes": table.nbytes})
