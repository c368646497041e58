"""Checks of `duplicates.parquet` for `verify`: it must agree with the reports in the manifest and with the ledger."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.duplicates import DUPLICATES, DuplicateReport
from ...schemas.dataset.manifest import Manifest


def check_clusters(manifest: Manifest, rows: pa.Table) -> Iterator[str]:
    """Yield the problems of a DUPLICATES table."""
    if rows.schema != DUPLICATES:
        yield f"has columns {rows.schema.names}, not {DUPLICATES.names}"
        return
    numbers, counts = np.unique(rows["cluster"].to_numpy(), return_counts=True)
    survivors = rows.filter(pc.is_null(rows["reason"]))["cluster"].to_numpy()
    if not np.array_equal(np.sort(survivors), numbers) or (counts < 2).any():
        yield "a cluster does not have exactly one survivor, or has no duplicates"
    if not np.array_equal(numbers, np.arange(1, len(numbers) + 1)):
        yield "clusters are not numbered from 1"
    found = 0
    for report in manifest.dedup:
        mine = rows.filter(pc.and_(pc.equal(rows["kind"], report.kind), pc.equal(rows["judged"], report.judged)))
        found += mine.num_rows
        yield from _check_report(report, mine)
    if found != rows.num_rows:
        yield f"{rows.num_rows - found} rows belong to no report in the manifest"
    dropped: Counter[tuple[str, str, str]] = Counter()
    for line in rows.group_by(["judged", "source", "reason"]).aggregate([([], "count_all")]).to_pylist():
        if line["reason"]:
            dropped[f"dedup-{line['judged']}", line["source"], line["reason"]] += line["count_all"]
    ledger = {
        (tally.stage, tally.source, reason): count
        for tally in manifest.ledger
        if tally.stage.startswith("dedup-")
        for reason, count in tally.dropped.items()
    }
    if dropped != ledger:
        yield f"holds {dict(dropped)} dropped rows, the ledger {ledger}"


def _check_report(report: DuplicateReport, rows: pa.Table) -> Iterator[str]:
    where = f"the report on {report.kind} compared by {report.judged}"
    _, counts = np.unique(rows["cluster"].to_numpy(), return_counts=True)
    sizes = dict(sorted(Counter(counts.tolist()).items()))
    if sizes != report.sizes:
        yield f"has clusters of {sizes} rows, but {where} has {report.sizes}"
    reasons = Counter(reason for reason in rows["reason"].to_pylist() if reason)
    if reasons != report.dropped:
        yield f"dropped {dict(reasons)}, but {where} has {report.dropped}"
