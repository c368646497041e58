"""From edges to labels: the one step of deduplication that needs the whole graph, so it is one task."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.dataset.tables import DROPPED
from ...schemas.storage.store import Store
from ..engines.partition import Outcome, Partition, commit, load
from ..engines.ranges import note_of
from ..engines.stage import WorkCount, part_name
from .candidates import BUCKET_BITS, place_of
from .components import Ints, components, counted_ends, joined_vertices

LABELS_VERSION = 3
LABELS = pa.schema([("id", pa.uint64()), ("label", pa.uint64()), ("matches", pa.uint32())])


@dataclass(frozen=True)
class Components:
    """Computes the components of the graph of near duplicates, in one task on all its parts.

    Edges are read one part at a time; see components.py for the memory that this takes. The result has (id, label,
    matches) rows of the vertices that edges join, by the bucket of the vertex; a label is the component's smallest
    vertex, matches are the edges of the vertex itself.
    """

    store: Store
    name: str = "components"

    def identity(self) -> list[Any]:
        """Version."""
        return [LABELS_VERSION]

    def done(self, key: str) -> str:
        """Return the name of the part with the result."""
        return part_name(self.name, key)

    def __call__(self, key: str, parts: Sequence[Sequence[Partition]]) -> WorkCount:
        """Compute and commit the components.

        Args:
            key: Identifies the result.
            parts: The parts of `Distinct` that have rows, in the order of their buckets, then those of `Verify`.
        """
        distinct, *edges = parts
        sizes = {int(part.note["bucket"]): int(part.note["distinct"]) for part in distinct}
        starts = np.cumsum([0, *(sizes.get(bucket, 0) for bucket in range(max(sizes, default=-1) + 1))])
        tables = (load(self.store, part) for group in edges for part in group)
        done = commit(self.store, self.done(key), _labels(tables, starts))
        return WorkCount(0, 0, (done,))


def _labels(edges: Iterable[pa.Table], starts: Ints) -> Outcome:
    """Return one chunk per bucket; the note lists the buckets."""
    tables, present = [], []
    with (
        counted_ends(int(starts[-1]), _dense(edges, starts)) as (matches, ends),
        components(len(matches), ends) as least,
    ):
        for bucket, (vertices, labels) in enumerate(joined_vertices(least, starts.tolist())):
            if vertices.size:
                present.append(bucket)
                columns = {"id": _vertex(vertices, starts), "label": _vertex(labels, starts)}
                tables.append(pa.table(columns | {"matches": np.asarray(matches[vertices])}))
    joined = pa.concat_tables(tables) if tables else LABELS.empty_table()
    batches = [batch for table in tables for batch in table.to_batches()]
    note = note_of(np.array(present, np.int64), batches, LABELS)
    return Outcome(joined, DROPPED.empty_table(), note=note)


def _dense(edges: Iterable[pa.Table], starts: Ints) -> Iterator[tuple[Ints, Ints]]:
    for table in edges:
        left, right = (
            starts[(vertex >> BUCKET_BITS).astype(np.int64)] + place_of(vertex)
            for vertex in (table["id"].to_numpy(), table["right"].to_numpy())
        )
        yield left, right


def _vertex(dense: Ints, starts: Ints) -> npt.NDArray[np.uint64]:
    bucket = np.searchsorted(starts, dense, side="right") - 1
    return (bucket.astype(np.uint64) << BUCKET_BITS) | (dense - starts[bucket]).astype(np.uint64)
