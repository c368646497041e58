"""Where a document of a dataset is, and which rows of the same file were dropped."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...schemas.dataset.locate import Located
from ...schemas.dataset.reader import Dataset

LISTED = 1000  # dropped rows of a file that are listed


def trace_in_dataset(dataset: Dataset, found: Iterable[Located]) -> dict[str, Any]:
    """Describe segments of a dataset, and the dropped rows of their files, JSON-ready.

    Args:
        dataset: The dataset.
        found: The segments.

    Returns:
        `segments`, and `files`: of each of their files the dropped rows, of which the first LISTED are in `rows`, and
        their numbers by stage and reason.
    """
    segments = [_segment(dataset, one) for one in found]
    files = dict.fromkeys((one["source"], one["file"]) for one in segments)
    return {
        "dataset": dataset.where,
        "segments": segments,
        "files": [{"source": source, "file": file, **dropped_of(dataset, source, file)} for source, file in files],
    }


def dropped_of(dataset: Dataset, source: str, file: str) -> dict[str, Any]:
    """The rows of a file that were dropped: all of them by stage and reason, and the first of them."""
    counts: Counter[tuple[str, str]] = Counter()
    rows: list[dict[str, Any]] = []
    with dataset.verified(dataset.manifest.dropped) as stream:
        wanted = (pc.field("source") == source) & (pc.field("file") == file)
        for batch in pq.read_table(stream, filters=wanted).to_batches():
            for line in batch.to_pylist():
                counts[line["stage"], line["reason"]] += line.get("rows") or 1
                if line["row"] >= 0 and len(rows) < LISTED:
                    rows.append({name: line[name] for name in ("row", "stage", "reason", "detail")})
    reasons = [{"stage": stage, "reason": reason, "rows": count} for (stage, reason), count in counts.items()]
    return {"dropped": counts.total(), "reasons": reasons, "rows": rows}


def _segment(dataset: Dataset, found: Located) -> dict[str, Any]:
    segment = found.segment
    names = ("source", "file", "row", "license", "start", "length", "offset", "last")
    return {
        "shard": dataset.manifest.shards[found.shard].file,
        "shard_row": found.row,
        "packed_row": dataset.first_row(found.shard) + found.row,
        "segment": found.number,
        **{name: segment[name].hex() for name in ("id", "content", "media") if segment.get(name) is not None},
        **{name: segment[name] for name in names},
    }
