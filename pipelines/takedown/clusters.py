"""Updates clusters of duplicates when one of their rows is taken down."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.dataset.duplicates import DUPLICATES, DuplicateReport

Pieces = Callable[[], Iterable[pa.Table]]


def connected_ids(pieces: Pieces, ids: pa.Array) -> pa.Array:
    """Return the ids of all rows that are connected with one of `ids` by clusters.

    A row that survived one round may be a duplicate in the next one, so clusters may share rows.

    Args:
        pieces: Reads the list of DUPLICATES, or its ids and clusters, piece by piece; it is read twice or more often.
        ids: Document ids.
    """
    found = ids
    while True:
        clusters = _of_those(pieces(), "cluster", "id", found)
        together = _of_those(pieces(), "id", "cluster", clusters)
        if pc.all(pc.is_in(together, value_set=found)).as_py() is not False:
            return together
        found = together


def _of_those(tables: Iterable[pa.Table], column: str, by: str, values: pa.Array) -> pa.Array:
    """Return the distinct values of a column in the rows that have one of some values in another."""
    kind = DUPLICATES.field(column).type
    found = [table[column].filter(pc.is_in(table[by], value_set=values)).combine_chunks() for table in tables]
    return pa.chunked_array(found, kind).unique()


def without_excerpts(tables: Iterable[pa.Table], ids: pa.Array) -> Iterator[pa.Table]:
    """Yield pieces of the list of clusters without the excerpts of some ids."""
    for rows in tables:
        gone = pc.is_in(rows["id"], value_set=ids)
        excerpts = pc.if_else(gone, pa.scalar(None, pa.string()), rows["excerpt"])
        yield rows.set_column(DUPLICATES.get_field_index("excerpt"), DUPLICATES.field("excerpt"), excerpts)


def forget_excerpts(
    tables: Iterable[pa.Table], reports: Sequence[DuplicateReport], ids: pa.Array
) -> tuple[DuplicateReport, ...]:
    """Remove the excerpts of some ids from the reports, given the list of clusters."""
    names = set()
    for rows in tables:
        origins = rows.filter(pc.is_in(rows["id"], value_set=ids)).select(["source", "file", "row"]).to_pylist()
        names |= {(line["source"], line["file"], line["row"]) for line in origins}
    return tuple(_forget(report, names) for report in reports)


def _forget(report: DuplicateReport, names: Iterable[tuple[str, str, int]]) -> DuplicateReport:
    largest = []
    for cluster in report.largest:
        examples = tuple(
            member.model_copy(update={"excerpt": None}) if (member.source, member.file, member.row) in names else member
            for member in cluster.examples
        )
        largest.append(cluster.model_copy(update={"examples": examples}))
    return report.model_copy(update={"largest": tuple(largest)})
