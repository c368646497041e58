"""A report of duplicates counts its clusters, and the table of duplicates holds survivors and dropped rows."""

from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from triptych.schemas.dataset.duplicates import DUPLICATES, Cluster, DuplicateReport, Member

REPORT: dict[str, Any] = {"kind": "text", "judged": "text", "rows": 20, "near": [], "sizes": {}, "dropped": {}}
REPORT |= {"within": {}, "across": {}, "largest": []}


@pytest.mark.parametrize(("sizes", "clusters"), [({}, 0), ({2: 3}, 3), ({2: 3, 5: 1, 7: 0}, 4)])
def test_clusters_are_counted_over_all_sizes(sizes: dict[int, int], clusters: int) -> None:
    report = DuplicateReport.model_validate(REPORT | {"sizes": sizes})
    assert report.clusters == clusters
    # JSON has strings for keys
    again = DuplicateReport.model_validate_json(report.model_dump_json())
    assert again.sizes == sizes
    assert again == report


def test_a_cluster_has_a_number_and_rows() -> None:
    member = Member(source="a", file="f", row=3, size=9, reason=None, excerpt="text")
    assert Cluster(cluster=1, rows=2, examples=(member,)).examples[0].row == 3
    for wrong in ({"cluster": 0, "rows": 2}, {"cluster": 1, "rows": 0}):
        with pytest.raises(ValidationError, match="greater than 0"):
            Cluster.model_validate(wrong | {"examples": []})


def test_the_survivor_alone_has_no_reason() -> None:
    row = {"cluster": 1, "kind": "text", "judged": "text", "id": b"0" * 16, "source": "a", "file": "f", "row": 0}
    rows = [row | {"size": 4, "reason": reason, "excerpt": None} for reason in (None, "duplicate")]
    table = pa.Table.from_pylist(rows, DUPLICATES)
    table.validate(full=True)
    assert table.to_pylist() == rows
    assert {field.name for field in DUPLICATES if field.nullable} == {"reason", "excerpt"}
    assert set(Member.model_fields) <= set(DUPLICATES.names)
