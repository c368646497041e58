"""Which dropped rows are listed, and how many the others are."""

import numpy as np
import pyarrow as pa
import pytest

from triptych.schemas.dataset.dropped_lines import MORE, FirstRows, bounded, row_counts
from triptych.schemas.dataset.tables import DROPPED, ROWS


def lines(rows: list[int], file: str = "f", reason: str = "bad") -> pa.Table:
    return pa.Table.from_pylist(
        [{"stage": "read", "source": "s", "file": file, "row": row, "reason": reason, "detail": ""} for row in rows],
        DROPPED,
    )


def test_few_lines_stay_as_they_are() -> None:
    assert bounded(lines([4, 2, 9]), 3).equals(lines([4, 2, 9]))


def test_the_first_rows_are_listed_and_the_others_counted() -> None:
    table = pa.concat_tables([lines([7, 3, 5, 1]), lines([9], "g"), lines([8, 6, 4], reason="other")])
    found = bounded(table, 2)
    listed = [(each["file"], each["reason"], each["row"], each["rows"]) for each in found.to_pylist()]
    assert listed == [
        *(("f", "bad", 3, None), ("f", "bad", 1, None), ("g", "bad", 9, None)),
        *(("f", "other", 6, None), ("f", "other", 4, None)),
        *(("f", "bad", -1, 2), ("f", "other", -1, 1)),
    ]
    assert found["detail"].to_pylist()[-1] == MORE
    assert row_counts(found).sum() == len(table)


def test_lines_that_are_bounded_again_keep_their_sum() -> None:
    twice = bounded(pa.concat_tables([bounded(lines([*range(10)]), 4), bounded(lines([*range(10, 15)]), 4)]), 3)
    assert twice["row"].to_pylist() == [0, 1, 2, -1]
    assert twice[ROWS.name].to_pylist() == [None, None, None, 12]


@pytest.mark.parametrize("seed", range(5))
def test_the_same_rows_are_listed_however_they_are_divided(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = np.sort(random.integers(0, 40, 60)).tolist()  # a row with several samples occurs several times
    whole = bounded(lines(rows), 20)
    cuts = sorted(random.integers(0, 60, 3).tolist())
    parts = [lines(rows[start:stop]) for start, stop in zip([0, *cuts], [*cuts, 60], strict=True)]
    parts = [bounded(part, 20) for part in parts]
    first = FirstRows(20)
    for part in random.permutation(len(parts)):
        first.see(parts[part])
    taken = [row for part in parts for row in first.take(part)["row"].to_pylist()]
    assert [*taken, -1] == whole["row"].to_pylist()
    assert first.others()[ROWS.name].to_pylist() == [40]
