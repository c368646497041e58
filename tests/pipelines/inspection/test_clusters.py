"""The table of duplicates must agree with its reports and with the ledger; what does not is named."""

from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.inspection.clusters import check_clusters
from triptych.schemas.dataset.duplicates import DUPLICATES, DuplicateReport
from triptych.schemas.dataset.ledger import Tally
from triptych.schemas.dataset.manifest import Manifest

# cluster, source, reason: one cluster of three rows and one of two
ROWS = [(1, "a", None), (1, "a", "text_exact"), (1, "b", "text_near"), (2, "b", None), (2, "b", "text_exact")]
REPORT = {
    "kind": "text",
    "judged": "text",
    "rows": 9,
    "near": (),
    "sizes": {2: 1, 3: 1},
    "dropped": {"text_exact": 2, "text_near": 1},
    "within": {},
    "across": {},
    "largest": (),
}
LEDGER = [
    Tally(stage="dedup-text", source="a", rows_in=4, kept=3, dropped={"text_exact": 1}),
    Tally(stage="dedup-text", source="b", rows_in=5, kept=3, dropped={"text_near": 1, "text_exact": 1}),
    Tally(stage="filter", source="b", rows_in=6, kept=5, dropped={"short": 1}),
]


def table(rows: list[Any], **changed: Any) -> pa.Table:
    count = len(rows)
    columns: dict[str, Any] = {name: [0] * count for name in ("row", "size")}
    columns |= {name: ["text"] * count for name in ("kind", "judged")}
    columns |= {"id": [bytes(16)] * count, "file": ["f"] * count, "excerpt": [None] * count}
    columns |= {name: [row[at] for row in rows] for at, name in enumerate(("cluster", "source", "reason"))}
    return pa.table({name: (columns | changed)[name] for name in DUPLICATES.names}, schema=DUPLICATES)


def problems(rows: pa.Table, ledger: list[Tally] = LEDGER, **report: Any) -> list[str]:
    fields: dict[str, Any] = {"dedup": (DuplicateReport.model_validate(REPORT | report),), "ledger": tuple(ledger)}
    manifest = Manifest.model_construct(**fields)
    whole = list(check_clusters(manifest, rows.schema, [rows]))
    assert list(check_clusters(manifest, rows.schema, (rows.slice(at, 1) for at in range(len(rows))))) == whole
    return whole


def test_a_table_that_agrees_has_no_problem() -> None:
    assert problems(table(ROWS)) == []
    assert problems(table(ROWS[::-1])) == []
    assert problems(table([]), LEDGER[2:], sizes={}, dropped={}) == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(1, "a", "text_exact"), *ROWS[1:]], "a cluster does not have exactly one survivor, or has no duplicates"),
        ([*ROWS, (1, "b", None)], "a cluster does not have exactly one survivor, or has no duplicates"),
        ([*ROWS, (3, "b", None)], "a cluster does not have exactly one survivor, or has no duplicates"),
        ([(cluster + 1, source, reason) for cluster, source, reason in ROWS], "clusters are not numbered from 1"),
        (ROWS[:2] + ROWS[3:], "has clusters of {2: 2} rows, but the report on text compared by text has {2: 1, 3: 1}"),
        ([*ROWS[:4], (2, "b", "text_near")], "dropped {'text_exact': 1, 'text_near': 2}, but the report on text"),
        ([ROWS[0], (1, "b", "text_exact"), *ROWS[2:]], "holds {('dedup-text', 'b', 'text_exact'): 2"),
    ],
)
def test_each_disagreement_is_named(rows: list[Any], words: str) -> None:
    assert [problem for problem in problems(table(rows)) if problem.startswith(words)]


def test_rows_of_no_report_and_other_columns_are_named() -> None:
    assert "1 rows belong to no report in the manifest" in problems(table(ROWS, judged=["text"] * 4 + ["image"]))
    (problem,) = problems(table(ROWS).drop_columns("excerpt"))
    assert problem.startswith("has columns ['cluster', 'kind'")
    assert len(problems(table(ROWS), LEDGER[:1])) == 1
