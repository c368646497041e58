"""A page of the list of dropped rows, each with what its source holds there now."""

from dataclasses import dataclass
from typing import Any

from ....schemas.dataset.kept import kept_of
from ....schemas.dataset.reader import Dataset
from ..dropped import dropped_batches
from ..raw_rows import RawRows
from .media_lock import MEDIA_LOCK


@dataclass(frozen=True)
class DroppedPage:
    """Some lines of the list, and how many it has in all for the same reason and source."""

    lines: tuple[dict[str, Any], ...]  # columns of DROPPED, `kept`, `rows` (for how many rows it stands) and `raw`
    start: int
    listed: int


def dropped_page(
    dataset: Dataset, raw: RawRows, reason: str | None, source: str | None, start: int, count: int
) -> DroppedPage:
    """Read lines `start` to `start + count` of those for a reason and a source.

    Args:
        dataset: The dataset.
        raw: Reads the raw rows.
        reason: Only this reason; None for all.
        source: Only this source; None for all.
        start: First line.
        count: Maximum number of lines.
    """
    window, seen = [], 0
    for table in dropped_batches(dataset, reason, source):
        low, high = max(0, start - seen), min(len(table), start + count - seen)
        if low < high:
            window += table.slice(low, high - low).to_pylist()
        seen += len(table)
    origins = [(line["source"], line["file"], line["row"]) for line in window]
    with MEDIA_LOCK:
        found = raw.read(origins)
    lines = (
        line | {"kept": kept_of(line), "rows": line.get("rows") or 1, "raw": found.get(origin)}
        for line, origin in zip(window, origins, strict=True)
    )
    return DroppedPage(tuple(lines), start, seen)
