"""From edges to labels: the one step of deduplication that needs the whole graph, so it runs in the driver."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...schemas.dataset.tables import DROPPED
from ...schemas.identity import fingerprint
from ..engines.base import Engine
from ..engines.partition import Outcome, Partition, commit
from ..engines.stage import part_name
from ..engines.step_ledger import reference
from .candidates import BUCKET_BITS, place_of
from .components import Ints, components, joined_vertices

LABELS_VERSION = 1


def label_parts(engine: Engine, distinct: Sequence[Partition], edges: Sequence[Partition]) -> dict[int, Partition]:
    """Compute the components of the graph of near duplicates.

    Edges are read one part at a time; see components.py for the memory that this takes.

    Args:
        engine: Its store holds the result, which is reused when it exists.
        distinct: The parts of `Distinct`, one per bucket.
        edges: The parts of `Verify`.

    Returns:
        Bucket -> (id, label) rows of the vertices that edges join; a label is the component's smallest vertex.
    """
    if not edges:
        return {}
    key = fingerprint("components", LABELS_VERSION, [part.key for part in [*distinct, *edges]])
    name = part_name("components", key)
    starts = np.cumsum([0, *(part.note["distinct"] if part.rows else 0 for part in distinct)])
    (known,) = engine.index.of("components").find([name])
    if known is None:
        known = commit(engine.store, name, _labels(engine.gather(edges), starts))
        engine.index.add([known])
    note = reference(key, known).note
    return {
        bucket: Partition(fingerprint(key, bucket), ((name, batch),), rows)
        for batch, (bucket, rows) in enumerate(zip(note["buckets"], note["rows"], strict=True))
    }


def _labels(edges: Iterable[pa.Table], starts: Ints) -> Outcome:
    """Return one chunk per bucket; the note lists the buckets."""
    tables, present = [], []
    with components(int(starts[-1]), _dense(edges, starts)) as least:
        for bucket, (vertices, labels) in enumerate(joined_vertices(least, starts.tolist())):
            if vertices.size:
                present.append(bucket)
                tables.append(pa.table({"id": _vertex(vertices, starts), "label": _vertex(labels, starts)}))
    note = {"buckets": present, "rows": [table.num_rows for table in tables]}
    return Outcome(pa.concat_tables(tables), DROPPED.empty_table(), note=note)


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
