"""Report on deduplication: a file with every cluster, and a summary for the manifest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.dedup import Dedup
from ...schemas.config.run import Limits
from ...schemas.dataset.duplicates import DUPLICATES, DUPLICATES_FILE, Cluster, DuplicateReport, Member
from ...schemas.dataset.file_entry import FileEntry
from ..dropped_rows import MANY
from ..engines.base import Engine
from ..row_list import stage_list, together
from .deduplicate import RoundResult
from .sign import near_methods

LARGEST = 20
EXAMPLES = 5


def report(
    engine: Engine, results: Sequence[RoundResult], dedup: Dedup, limits: Limits
) -> tuple[tuple[DuplicateReport, ...], FileEntry]:
    """Build the report of each round, and write the list of all clusters below the work folder.

    The parts of duplicates are read twice, one at a time, so memory grows with the number of clusters, not of rows.

    Returns:
        One report per round; the entry of the list, which has a row group for each part of duplicates, or of about
        GROUP rows if there are more than MANY parts.
    """
    reports: list[DuplicateReport] = []
    tables = _clusters(engine, results, dedup, limits, reports)
    if sum(len(found.duplicates) for found in results) > MANY:
        tables = together(tables)
    entry = stage_list(engine.store, DUPLICATES_FILE, DUPLICATES, tables)
    return tuple(reports), entry


def _clusters(
    engine: Engine, results: Sequence[RoundResult], dedup: Dedup, limits: Limits, reports: list[DuplicateReport]
) -> Iterator[pa.Table]:
    """Yield the rows of all clusters, and add a report after those of each round."""
    first = 1
    for found in results:
        numbers = _numbers(engine, found, first)
        tally = _Tally(numbers)
        for table in engine.gather(found.duplicates):
            rows = _rows(table, numbers, found)
            tally.add(table, rows)
            yield rows
        reports.append(_report(found, tally, dedup, limits))
        first += len(numbers.group)


@dataclass(frozen=True)
class _Numbers:
    """Clusters sorted by group: their sizes, and their numbers in order of decreasing size."""

    group: npt.NDArray[np.uint64]
    size: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]

    def of(self, table: pa.Table) -> npt.NDArray[np.int64]:
        """Return the number of each row's cluster."""
        numbers: npt.NDArray[np.int64] = self.number[np.searchsorted(self.group, table["group"].to_numpy())]
        return numbers


def _numbers(engine: Engine, found: RoundResult, first: int) -> _Numbers:
    counts = [np.unique(t["group"].to_numpy(), return_counts=True) for t in engine.gather(found.duplicates)]
    group = np.concatenate([groups for groups, _ in counts] or [np.zeros(0, np.uint64)])
    size = np.concatenate([sizes for _, sizes in counts] or [np.zeros(0, np.int64)])
    order = np.argsort(group)  # a group is within one part, so each occurs once
    group, size = group[order], size[order]
    number = np.empty(len(group), np.int64)
    number[np.argsort(-size, kind="stable")] = np.arange(first, first + len(group))
    return _Numbers(group, size, number)


def _rows(table: pa.Table, numbers: _Numbers, found: RoundResult) -> pa.Table:
    constants = {"kind": str(found.round.kind), "judged": found.round.judged}
    columns = {name: pa.repeat(value, table.num_rows) for name, value in constants.items()}
    columns |= {"cluster": pa.array(numbers.of(table))}
    columns |= {name: table[name] for name in DUPLICATES.names if name not in columns}
    return pa.table({name: columns[name] for name in DUPLICATES.names}, schema=DUPLICATES)


class _Tally:
    """Counts over the parts of a round, and example rows of its largest clusters."""

    def __init__(self, numbers: _Numbers) -> None:
        self.sizes = Counter(numbers.size.tolist())
        self.dropped: Counter[str] = Counter()
        self.pairs: Counter[tuple[str, str]] = Counter()
        order = np.argsort(numbers.number)[:LARGEST]
        self.largest = dict(zip(numbers.number[order].tolist(), numbers.size[order].tolist(), strict=True))
        self.members: dict[int, list[Member]] = {number: [] for number in self.largest}

    def add(self, table: pa.Table, rows: pa.Table) -> None:
        gone = table.filter(pc.is_valid(table["reason"]))
        self.dropped.update({c["values"]: c["counts"] for c in gone["reason"].value_counts().to_pylist()})
        counts = gone.group_by(["source", "of_source"]).aggregate([([], "count_all")]).to_pylist()
        self.pairs.update({(c["source"], c["of_source"]): c["count_all"] for c in counts})
        large = rows.filter(pc.is_in(rows["cluster"], value_set=pa.array(list(self.largest), pa.int64())))
        for line in large.to_pylist():
            members = self.members[line["cluster"]]
            if len(members) < EXAMPLES:
                members.append(Member(**{name: line[name] for name in Member.model_fields}))


def _report(found: RoundResult, tally: _Tally, dedup: Dedup, limits: Limits) -> DuplicateReport:
    compared = [dedup.of(modality) for modality in found.round.modalities]
    across: dict[str, dict[str, int]] = {}
    for (source, survivor), count in sorted(tally.pairs.items()):
        if source != survivor:
            across.setdefault(source, {})[survivor] = count
    return DuplicateReport(
        kind=str(found.round.kind),
        judged=found.round.judged,
        rows=found.rows,
        near=tuple(near.report() for options in compared if options for near in near_methods(options, limits)),
        sizes=dict(sorted(tally.sizes.items())),
        dropped=dict(sorted(tally.dropped.items())),
        within={source: count for (source, survivor), count in sorted(tally.pairs.items()) if source == survivor},
        across=across,
        largest=tuple(
            Cluster(cluster=number, rows=rows, examples=tuple(tally.members[number]))
            for number, rows in tally.largest.items()
        ),
    )
