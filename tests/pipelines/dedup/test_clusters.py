"""Rows of one component are a cluster, its best row stays, and the others are dropped as duplicates of that one."""

import random

import pyarrow as pa

from triptych.pipelines.dedup.clusters import Combine, DropDuplicates, Label, Resolve
from triptych.schemas.vocabulary import Modality


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def rows(numbers: list[int], **columns: pa.Array) -> pa.Table:
    """Rows of a source in the order given, one part; each its own content unless a column says otherwise."""
    count = len(numbers)
    table = {
        "id": pa.array([name(number) for number in numbers], pa.binary(16)),
        "source": pa.array(["docs"] * count),
        "file": pa.array(["a.jsonl"] * count),
        "row": pa.array(numbers, pa.int64()),
        "part": pa.array([7] * count, pa.uint64()),
        "excerpt": pa.array([f"text {number}" for number in numbers]),
        "key": pa.array([name(number) for number in numbers], pa.binary(16)),
        "size": pa.array([10] * count, pa.int64()),
    }
    return pa.table(table | columns)


def test_rows_with_copies_or_edges_get_the_name_of_their_component() -> None:
    first = pa.array([True, True, False, True, True])
    table = rows([0, 1, 2, 3, 4], first=first, vertex=pa.array([0, 1, 1, 2, 3], pa.uint64()))
    found = Label(Modality.TEXT).run(table).table
    assert dict(zip(found["row"].to_pylist(), found["group"].to_pylist(), strict=True)) == {1: 1, 2: 1}
    components = pa.table({"id": pa.array([0, 3], pa.uint64()), "label": pa.array([0, 0], pa.uint64())})
    found = Label(Modality.TEXT).run(table, components).table
    assert dict(zip(found["row"].to_pylist(), found["group"].to_pylist(), strict=True)) == {0: 0, 1: 1, 2: 1, 4: 0}
    assert set(found["modality"].to_pylist()) == {int(Modality.TEXT)}


def test_duplicates_in_all_modalities_are_those_with_the_same_group_in_each() -> None:
    image = {0: 1, 1: 1, 2: 1, 3: 5}
    text = {0: 8, 1: 8, 2: 9, 4: 9}
    labels = [
        rows(list(groups))
        .append_column("group", pa.array(list(groups.values()), pa.uint64()))
        .append_column("modality", pa.array([int(modality)] * len(groups), pa.uint8()))
        for modality, groups in ((Modality.IMAGE, image), (Modality.TEXT, text))
    ]
    table = pa.concat_tables(labels).sort_by("id")
    found = Combine(2).run(table).table
    group = dict(zip(found["row"].to_pylist(), found["group"].to_pylist(), strict=True))
    assert sorted(group) == [0, 1, 2]
    assert group[0] == group[1] != group[2]
    assert Combine(2).run(labels[0]).table.num_rows == 0


def test_the_survivor_is_the_best_by_priority_then_size_then_id() -> None:
    draw = random.Random(0)
    priorities = {"docs": 0, "books": 2, "web": 2}
    for _ in range(30):
        numbers = list(range(draw.randint(1, 12)))
        group = sorted(draw.randrange(4) for _ in numbers)
        source = [draw.choice(list(priorities)) for _ in numbers]
        size = [draw.randrange(3) for _ in numbers]
        content = [draw.randrange(2) for _ in numbers]
        table = rows(
            numbers,
            source=pa.array(source),
            size=pa.array(size, pa.int64()),
            key=pa.array([name(each) for each in content], pa.binary(16)),
        ).append_column("group", pa.array(group, pa.uint64()))
        expected = {}
        for each in set(group):
            members = [number for number in numbers if group[number] == each]
            best = min(members, key=lambda number: (-priorities[source[number]], -size[number], number))
            for number in members if len(members) > 1 else []:
                kind = "exact_duplicate" if content[number] == content[best] else "near_duplicate"
                expected[number] = (None if number == best else kind, best, source[best])
        found = Resolve("text", priorities).run(table).table.to_pylist()
        assert {line["row"]: (line["reason"], line["of_row"], line["of_source"]) for line in found} == expected


def test_duplicates_are_dropped_and_say_of_which_row() -> None:
    table = rows([0, 1, 2]).append_column("group", pa.array([4, 4, 9], pa.uint64()))
    duplicates = Resolve("text", {"docs": 0}).run(table).table
    outcome = DropDuplicates("text").run(table.take([2, 1]), duplicates)
    assert outcome.table["row"].to_pylist() == [2]
    (line,) = outcome.dropped.to_pylist()
    assert (line["stage"], line["row"], line["reason"]) == ("dedup-text", 1, "near_duplicate")
    assert line["detail"] == "of docs: a.jsonl, row 0"
    assert DropDuplicates("text").run(table).table == table


def test_of_images_the_one_with_the_most_matches_survives() -> None:
    group = pa.array([5, 5, 5, 5, 8, 8], pa.uint64())
    sizes, matches = pa.array([9, 1, 1, 4, 2, 3], pa.int64()), pa.array([1, 3, 3, 1, 1, 1], pa.uint32())
    table = rows(list(range(6)), size=sizes).append_column("group", group).append_column("matches", matches)
    for judged, kept in (("image", [1, 5]), ("image-text", [1, 5]), ("audio", [0, 5]), ("text", [0, 5])):
        found = Resolve(judged, {"docs": 0}).run(table).table.to_pylist()
        assert [line["row"] for line in found if line["reason"] is None] == kept
    first = table.set_column(1, "source", pa.array(["docs", "docs", "docs", "good", "docs", "docs"]))
    found = Resolve("image", {"docs": 0, "good": 1}).run(first).table.to_pylist()
    assert [line["row"] for line in found if line["reason"] is None] == [3, 5]


def test_only_images_are_labelled_with_their_matches() -> None:
    table = rows([0, 1], first=pa.array([True, True]), vertex=pa.array([0, 1], pa.uint64()))
    ids = pa.array([0, 1], pa.uint64())
    components = pa.table({"id": ids, "label": pa.array([0, 0], pa.uint64()), "matches": pa.array([4, 2], pa.uint32())})
    for modality, matches in ((Modality.IMAGE, [4, 2]), (Modality.TEXT, [0, 0]), (Modality.AUDIO, [0, 0])):
        found = Label(modality).run(table, components).table
        assert found["matches"].to_pylist() == matches
        assert found.schema.field("matches").type == pa.uint32()
