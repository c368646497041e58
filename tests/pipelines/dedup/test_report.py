"""The report has every cluster, the largest first, and sums that agree with its table."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.dedup import report as module
from triptych.pipelines.dedup.deduplicate import Round, RoundResult
from triptych.pipelines.dedup.report import EXAMPLES, LARGEST, report
from triptych.pipelines.engines.partition import Outcome, Partition, commit
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.row_list import LISTS
from triptych.schemas.config.dedup import Dedup, NearText, TextDedup
from triptych.schemas.config.run import Limits
from triptych.schemas.dataset.duplicates import DUPLICATES
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.identity import bytes_fingerprint
from triptych.schemas.vocabulary import Kind, Modality

DEDUP = Dedup(text=TextDedup(near=NearText(threshold=0.7)))


def part(engine: Serial, name: str, groups: dict[int, int]) -> Partition:
    """A part of duplicates as `Resolve` leaves it: clusters of some sizes, the survivor first, from `books`."""
    lines = [
        {
            "id": group.to_bytes(8, "big") + place.to_bytes(8, "big"),
            "source": "books" if place % 2 == 0 else "web",
            "file": "a.jsonl",
            "row": 100 * group + place,
            "part": 0,
            "excerpt": f"text {group}",
            "size": 5,
            "group": group,
            "reason": None if place == 0 else "exact_duplicate" if place == 1 else "near_duplicate",
            "of_source": "books",
        }
        for group, size in groups.items()
        for place in range(size)
    ]
    types = {"id": pa.binary(16), "row": pa.int64(), "part": pa.uint64(), "size": pa.int64(), "group": pa.uint64()}
    table = pa.table({key: pa.array([line[key] for line in lines], types.get(key, pa.string())) for key in lines[0]})
    commit(engine.store, f"_work/{name}.arrow", Outcome(table, DROPPED.empty_table()))
    return Partition(name, ((f"_work/{name}.arrow", None),), table.num_rows)


def test_clusters_are_numbered_from_the_largest_and_on_through_the_rounds(engine: Serial) -> None:
    parts = (part(engine, "one", {3: 2, 8: 4}), part(engine, "two", {5: 9}))
    first = RoundResult(Round(Kind.TEXT, (Modality.TEXT,)), 40, parts)
    second = RoundResult(Round(Kind.IMAGE_TEXT, (Modality.TEXT,)), 7, (part(engine, "three", {1: 3}),))
    reports, entry = report(engine, [first, second], DEDUP, Limits())
    data = engine.store.read(f"{LISTS}/{entry.file}")
    assert (entry.bytes, entry.xxh3) == (len(data), bytes_fingerprint([data]))
    table = pq.read_table(io.BytesIO(data))
    assert table.schema == DUPLICATES
    counts = table.group_by("cluster").aggregate([([], "count_all")]).sort_by("cluster").to_pylist()
    assert [(line["cluster"], line["count_all"]) for line in counts] == [(1, 9), (2, 4), (3, 2), (4, 3)]
    assert (
        table.filter(pa.array([kind == "image-text" for kind in table["kind"].to_pylist()]))["cluster"][0].as_py() == 4
    )

    texts, pairs = reports
    assert (texts.kind, texts.judged, texts.rows, texts.clusters) == ("text", "text", 40, 3)
    assert (pairs.kind, pairs.rows, pairs.sizes) == ("image-text", 7, {3: 1})
    assert texts.sizes == {2: 1, 4: 1, 9: 1}
    # of every cluster one row stays and the next is an exact duplicate; odd places are of the other source
    assert texts.dropped == {"exact_duplicate": 3, "near_duplicate": 2 + 7}
    assert (texts.within, texts.across) == ({"books": 0 + 1 + 4}, {"web": {"books": 1 + 2 + 4}})
    assert [(cluster.cluster, cluster.rows, len(cluster.examples)) for cluster in texts.largest] == [
        (1, 9, EXAMPLES),
        (2, 4, 4),
        (3, 2, 2),
    ]
    assert [member.row for member in texts.largest[2].examples] == [300, 301]
    assert texts.near[0]["threshold"] == 0.7


def test_only_the_largest_are_shown_but_all_are_counted(engine: Serial) -> None:
    found = RoundResult(Round(Kind.TEXT, (Modality.TEXT,)), 500, (part(engine, "many", {n: n for n in range(2, 30)}),))
    (one,), entry = report(engine, [found], DEDUP, Limits())
    assert one.clusters == 28
    assert [cluster.rows for cluster in one.largest] == list(range(29, 29 - LARGEST, -1))
    assert pq.read_metadata(engine.store.path(f"{LISTS}/{entry.file}")).num_rows == sum(range(2, 30))


def test_small_parts_are_put_together_where_there_are_many(engine: Serial, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = tuple(part(engine, f"small-{number}", {number: 2}) for number in range(5))
    found = RoundResult(Round(Kind.TEXT, (Modality.TEXT,)), 500, parts)
    before, entry = report(engine, [found], DEDUP, Limits())
    few = pq.ParquetFile(engine.store.path(f"{LISTS}/{entry.file}"))
    rows = few.read()
    assert few.num_row_groups == 1 + len(parts)
    monkeypatch.setattr(module, "MANY", 4)
    after, entry = report(engine, [found], DEDUP, Limits())
    many = pq.ParquetFile(engine.store.path(f"{LISTS}/{entry.file}"))
    assert many.num_row_groups == 2
    assert many.read() == rows
    assert after == before


def test_no_rounds_and_no_duplicates(engine: Serial) -> None:
    reports, entry = report(engine, [], DEDUP, Limits())
    assert (reports, pq.read_metadata(engine.store.path(f"{LISTS}/{entry.file}")).num_rows) == ((), 0)
    (one,), _ = report(engine, [RoundResult(Round(Kind.TEXT, (Modality.TEXT,)), 3, ())], Dedup(), Limits())
    assert (one.rows, one.clusters, one.largest, one.near) == (3, 0, (), ())
