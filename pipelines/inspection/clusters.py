"""Checks of `duplicates.parquet` for `verify`: it must agree with the reports in the manifest and with the ledger.

The list is read in pieces; what is kept are a few bytes for each cluster.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.duplicates import DUPLICATES, DuplicateReport
from ...schemas.dataset.manifest import Manifest

_LARGER = 1 << 16  # clusters by which the counts grow at least
_UNKNOWN, _NONE = -1, -2  # instead of the number of a report


def check_clusters(manifest: Manifest, schema: pa.Schema, tables: Iterable[pa.Table]) -> Iterator[str]:
    """Yield the problems of a list of clusters.

    Args:
        manifest: The manifest of its dataset.
        schema: Its columns.
        tables: Its rows, piece by piece.
    """
    if schema != DUPLICATES:
        yield f"has columns {schema.names}, not {DUPLICATES.names}"
        return
    counts = _Counts(manifest.dedup)
    for table in tables:
        counts.add(table)
    yield from counts.problems()
    ledger = {
        (tally.stage, tally.source, reason): count
        for tally in manifest.ledger
        if tally.stage.startswith("dedup-")
        for reason, count in tally.dropped.items()
    }
    if counts.dropped != ledger:
        yield f"holds {dict(sorted(counts.dropped.items()))} dropped rows, the ledger {ledger}"


class _Counts:
    """Counts over the rows of all clusters."""

    def __init__(self, reports: Iterable[DuplicateReport]) -> None:
        self._reports = list(reports)
        self._rows = np.zeros(0, np.int64)  # of each cluster, from number 1 on
        self._survivors = np.zeros(0, np.int64)
        self._report = np.full(0, _UNKNOWN, np.int32)  # the report of the cluster's first row
        self._seen = 0
        self._reasons: list[Counter[str]] = [Counter() for _ in self._reports]
        self._wrong = self._homeless = 0  # rows whose cluster cannot be one, and rows of no report
        self._mixed = False
        self.dropped: Counter[tuple[str, str, str]] = Counter()

    def add(self, table: pa.Table) -> None:
        """Count the rows of a piece."""
        self._seen += len(table)
        owner = np.full(len(table), _NONE, np.int32)
        for number, report in enumerate(self._reports):
            same = pc.and_(pc.equal(table["kind"], report.kind), pc.equal(table["judged"], report.judged))
            owner[same.to_numpy()] = number
        self._homeless += int((owner == _NONE).sum())
        for line in table.group_by(["judged", "source", "reason"]).aggregate([([], "count_all")]).to_pylist():
            if line["reason"]:
                self.dropped[f"dedup-{line['judged']}", line["source"], line["reason"]] += line["count_all"]
        for number, reasons in enumerate(self._reasons):
            for found in table["reason"].filter(pa.array(owner == number)).value_counts().to_pylist():
                if found["values"]:
                    reasons[found["values"]] += found["counts"]
        self._add_clusters(table["cluster"].to_numpy(), pc.is_null(table["reason"]).to_numpy(), owner)

    def _add_clusters(
        self, cluster: npt.NDArray[np.int64], survives: npt.NDArray[np.bool_], owner: npt.NDArray[np.int32]
    ) -> None:
        # a number beyond both cannot be right, and memory must not grow with what a number claims
        most = max(self._seen, sum(report.clusters for report in self._reports))
        fits = (cluster >= 1) & (cluster <= most)
        self._wrong += int((~fits).sum())
        at, survives, owner = cluster[fits] - 1, survives[fits], owner[fits]
        if not len(at):
            return
        self._grow(int(at.max()) + 1)
        np.add.at(self._rows, at, 1)
        np.add.at(self._survivors, at[survives], 1)
        new = self._report[at] == _UNKNOWN
        self._report[at[new][::-1]] = owner[new][::-1]  # the first of several rows is assigned last
        self._mixed |= bool((self._report[at] != owner).any())

    def _grow(self, clusters: int) -> None:
        more = clusters - len(self._rows)
        if more > 0:
            more = max(more, len(self._rows) // 2, _LARGER)
            self._rows = np.append(self._rows, np.zeros(more, np.int64))
            self._survivors = np.append(self._survivors, np.zeros(more, np.int64))
            self._report = np.append(self._report, np.full(more, _UNKNOWN, np.int32))

    def problems(self) -> Iterator[str]:
        """Yield what the counts of clusters and reports do not agree in."""
        there = np.flatnonzero(self._rows)
        if (self._survivors[there] != 1).any() or (self._rows[there] < 2).any():
            yield "a cluster does not have exactly one survivor, or has no duplicates"
        if self._wrong or (len(there) and int(there[-1]) + 1 != len(there)):
            yield "clusters are not numbered from 1"
        if self._mixed:
            yield "a cluster has rows of several reports"
        for number, report in enumerate(self._reports):
            where = f"the report on {report.kind} compared by {report.judged}"
            sizes = dict(sorted(Counter(self._rows[there][self._report[there] == number].tolist()).items()))
            if sizes != report.sizes:
                yield f"has clusters of {sizes} rows, but {where} has {report.sizes}"
            if self._reasons[number] != report.dropped:
                yield f"dropped {dict(sorted(self._reasons[number].items()))}, but {where} has {report.dropped}"
        if self._homeless:
            yield f"{self._homeless} rows belong to no report in the manifest"
