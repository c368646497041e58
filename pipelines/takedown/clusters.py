"""Updates clusters of duplicates when one of their rows is taken down."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.duplicates import DUPLICATES, DuplicateReport


def connected_ids(rows: pa.Table, ids: pa.Array) -> pa.Array:
    """Return the ids of all rows that are connected with one of `ids` by clusters.

    A row that survived one round may be a duplicate in the next one, so clusters may share rows.

    Args:
        rows: Table of DUPLICATES.
        ids: Document ids.
    """
    found = ids
    while True:
        clusters = rows["cluster"].filter(pc.is_in(rows["id"], value_set=found)).unique()
        together = rows["id"].filter(pc.is_in(rows["cluster"], value_set=clusters)).unique()
        if pc.all(pc.is_in(together, value_set=found)).as_py() is not False:
            return together
        found = together


def forget_excerpts(
    rows: pa.Table, reports: Sequence[DuplicateReport], ids: pa.Array
) -> tuple[pa.Table, tuple[DuplicateReport, ...]]:
    """Remove the excerpts of some ids from the table of clusters and from the reports."""
    gone = pc.is_in(rows["id"], value_set=ids)
    excerpts = pc.if_else(gone, pa.scalar(None, pa.string()), rows["excerpt"])
    left = rows.set_column(DUPLICATES.get_field_index("excerpt"), DUPLICATES.field("excerpt"), excerpts)
    origins = rows.filter(gone).select(["source", "file", "row"]).to_pylist()
    names = {(line["source"], line["file"], line["row"]) for line in origins}
    return left, tuple(_forget(report, names) for report in reports)


def _forget(report: DuplicateReport, names: Iterable[tuple[str, str, int]]) -> DuplicateReport:
    largest = []
    for cluster in report.largest:
        examples = tuple(
            member.model_copy(update={"excerpt": None}) if (member.source, member.file, member.row) in names else member
            for member in cluster.examples
        )
        largest.append(cluster.model_copy(update={"examples": examples}))
    return report.model_copy(update={"largest": tuple(largest)})
