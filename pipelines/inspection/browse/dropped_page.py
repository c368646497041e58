"""A page of the list of dropped rows, each with what its source holds there now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ....schemas.dataset.kept import kept_of
from ....schemas.dataset.reader import Dataset
from ..dropped import dropped_batches
from ..originals import Origin
from ..raw_rows import RawRows
from .media_lock import MEDIA_LOCK


@dataclass(frozen=True)
class DroppedPage:
    """Some lines of the list, and how many it has in all for the same reason and source."""

    # columns of DROPPED, `kept`, `rows` (for how many rows it stands), `raw`, and `cluster` of a duplicate
    lines: tuple[dict[str, Any], ...]
    start: int
    listed: int


@dataclass(frozen=True)
class Dropped:
    """Which of the dropped rows: those for a reason, of a source, of a file; None stands for all."""

    reason: str | None = None
    source: str | None = None
    file: str | None = None


def dropped_page(dataset: Dataset, raw: RawRows, which: Dropped, start: int, count: int) -> DroppedPage:
    """Read lines `start` to `start + count` of some dropped rows.

    Args:
        dataset: The dataset.
        raw: Reads the raw rows.
        which: Which rows.
        start: First line.
        count: Maximum number of lines.
    """
    window, seen = [], 0
    for table in dropped_batches(dataset, which.reason, which.source, which.file):
        low, high = max(0, start - seen), min(len(table), start + count - seen)
        if low < high:
            window += table.slice(low, high - low).to_pylist()
        seen += len(table)
    origins = [(line["source"], line["file"], line["row"]) for line in window]
    with MEDIA_LOCK:
        found = raw.read(origins)
    clusters = _clusters(
        dataset, [origin for line, origin in zip(window, origins, strict=True) if line["stage"].startswith("dedup-")]
    )
    lines = (
        line
        | {"kept": kept_of(line), "rows": line.get("rows") or 1}
        | {"raw": found.get(origin), "cluster": clusters.get(origin)}
        for line, origin in zip(window, origins, strict=True)
    )
    return DroppedPage(tuple(lines), start, seen)


def _clusters(dataset: Dataset, origins: Sequence[Origin]) -> dict[Origin, int]:
    """The clusters of some duplicates."""
    if not origins:
        return {}
    columns = [list(dict.fromkeys(column)) for column in zip(*origins, strict=True)]
    wanted = pc.field("source").isin(columns[0]) & pc.field("file").isin(columns[1]) & pc.field("row").isin(columns[2])
    with dataset.verified(dataset.manifest.duplicates) as stream:
        rows = pq.read_table(stream, columns=["source", "file", "row", "cluster"], filters=wanted).to_pylist()
    return {(row["source"], row["file"], row["row"]): row["cluster"] for row in rows}
