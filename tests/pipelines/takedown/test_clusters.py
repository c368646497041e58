"""Rows that share clusters are connected, however long the chain, and what is taken down leaves no excerpt."""

import random
from functools import partial

import pyarrow as pa

from triptych.pipelines.takedown.clusters import connected_ids, forget_excerpts, without_excerpts
from triptych.schemas.dataset.duplicates import DUPLICATES, Cluster, DuplicateReport, Member


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def table(members: list[tuple[int, int]]) -> pa.Table:
    """A table of (cluster, document) rows."""
    rows = [
        {
            "cluster": cluster,
            "kind": "text",
            "judged": "text",
            "id": name(document),
            "source": "docs",
            "file": "a.jsonl",
            "row": document,
            "size": 4,
            "reason": None,
            "excerpt": f"text {document}",
        }
        for cluster, document in members
    ]
    return pa.Table.from_pylist(rows, DUPLICATES)


def reached(members: list[tuple[int, int]], wanted: set[int]) -> set[int]:
    found: set[int] = {document for _, document in members if document in wanted}
    for _ in members:
        clusters = {cluster for cluster, document in members if document in found}
        found |= {document for cluster, document in members if cluster in clusters}
    return found


def pieces(rows: pa.Table, size: int) -> list[pa.Table]:
    return [rows.slice(at, size) for at in range(0, len(rows), size)]


def test_connected_rows_are_those_of_a_plain_search() -> None:
    draw = random.Random(0)
    for _ in range(40):
        members = sorted({(draw.randrange(8), draw.randrange(20)) for _ in range(16)})
        wanted = set(draw.sample(range(20), 2))
        ids = pa.array([name(document) for document in sorted(wanted)], pa.binary(16))
        rows = table(members)
        found = connected_ids(partial(pieces, rows, len(rows)), ids).to_pylist()
        assert sorted(connected_ids(partial(pieces, rows, 3), ids).to_pylist()) == sorted(found)
        assert len(found) == len(set(found))
        assert {int.from_bytes(each, "big") for each in found} == reached(members, wanted)


def test_excerpts_go_from_the_table_and_from_the_report() -> None:
    rows = table([(1, 3), (1, 4), (2, 5), (2, 3)])
    examples = tuple(
        Member(source="docs", file="a.jsonl", row=row, size=4, reason=None, excerpt=f"text {row}") for row in (3, 4)
    )
    report = DuplicateReport(
        kind="text",
        judged="text",
        rows=9,
        near=(),
        sizes={2: 2},
        dropped={"exact_duplicate": 2},
        within={"docs": 2},
        across={},
        largest=(Cluster(cluster=1, rows=2, examples=examples),),
    )
    gone = pa.array([name(3)], pa.binary(16))
    (after,) = forget_excerpts([rows.slice(0, 1), rows.slice(1)], [report], gone)
    left = pa.concat_tables(without_excerpts([rows.slice(0, 1), rows.slice(1)], gone))
    assert left.schema == DUPLICATES
    assert left["excerpt"].to_pylist() == [None, "text 4", "text 5", None]
    assert left.drop_columns("excerpt") == rows.drop_columns("excerpt")
    assert [member.excerpt for member in after.largest[0].examples] == [None, "text 4"]
    assert after.model_copy(update={"largest": report.largest}) == report
