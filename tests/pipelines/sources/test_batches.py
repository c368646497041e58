"""Where batches end: the same rule for rows that come singly and for tables."""

from itertools import chain, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.pipelines.sources.base import Drop, RawBatch
from triptych.pipelines.sources.batches import RawRow, gather, regroup, table

rows = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=30)), max_size=40)


@settings(deadline=None)
@given(rows, st.integers(1, 60), st.lists(st.integers(1, 40)))
def test_tables_are_cut_as_single_rows_are(values: list[tuple[str, bytes]], budget: int, cuts: list[int]) -> None:
    items = [RawRow(number, pair) for number, pair in enumerate(values)]
    fields = ("text", "image")
    stops = sorted({0, len(items), *(cut for cut in cuts if cut < len(items))})
    pieces = [RawBatch(table(fields, items[a:b])) for a, b in pairwise(stops)]
    singly = [batch.table.to_pylist() for batch in gather(fields, items, budget)]
    assert [batch.table.to_pylist() for batch in regroup(pieces, budget)] == singly
    assert list(chain(*singly)) == [{"row": r.number, "text": r.values[0], "image": r.values[1]} for r in items]


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=60), st.integers(1, 2000), st.integers(1, 9))
def test_no_drop_is_lost_and_none_is_hoarded(good: list[bool], budget: int, step: int) -> None:
    items = [RawRow(n, ("x" * 50,)) if fine else Drop(n, "bad") for n, fine in enumerate(good)]
    pieces = []
    for start in range(0, len(items), step):
        part = items[start : start + step]
        kept = [item for item in part if isinstance(item, RawRow)]
        pieces.append(RawBatch(table(["text"], kept), [item for item in part if isinstance(item, Drop)]))
    for batches in (list(gather(["text"], items, budget)), list(regroup(pieces, budget))):
        numbers = [n for batch in batches for n in batch.table["row"].to_pylist()]
        assert numbers == [item.number for item in items if isinstance(item, RawRow)]
        assert [drop for batch in batches for drop in batch.drops] == [i for i in items if isinstance(i, Drop)]
        assert all(len(batch.drops) <= budget // 128 + step for batch in batches)


def test_a_drop_can_always_be_written() -> None:
    drop = Drop(3, "bad", "\ud800" + "x" * 10_000)
    assert len(drop.detail.encode()) < 400
