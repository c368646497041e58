"""Labels name the smallest vertex of each component, for the vertices of each bucket that edges join."""

import random
from collections import Counter

import pyarrow as pa

from triptych.pipelines.dedup.labels import Components
from triptych.pipelines.engines.partition import Outcome, Partition, commit, load
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.steps import Gather, Given
from triptych.schemas.dataset.tables import DROPPED

SIZES = (5, 0, 9, 3)  # distinct rows of each bucket


def committed(engine: Serial, key: str, table: pa.Table) -> Partition:
    commit(engine.store, f"_work/{key}.arrow", Outcome(table, DROPPED.empty_table()))
    return Partition(key, ((f"_work/{key}.arrow", None),), table.num_rows)


def buckets() -> Given:
    """The parts of distinct rows; an empty one is given to no step."""
    return Given(
        [Partition(f"bucket {at}", (), size, note={"bucket": at, "distinct": size}) for at, size in enumerate(SIZES)]
    )


def expected(edges: list[tuple[int, int]]) -> dict[int, int]:
    label = {vertex: vertex for edge in edges for vertex in edge}
    for _ in label:
        for left, right in edges:
            label[left] = label[right] = min(label[left], label[right])
    return label


def test_labels_are_those_of_a_plain_search(engine: Serial) -> None:
    draw = random.Random(0)
    vertices = [(bucket << 32) | place for bucket, size in enumerate(SIZES) for place in range(size)]
    for turn in range(12):
        drawn = [sorted(draw.sample(vertices, 2)) for _ in range(draw.randint(1, 12))]
        pairs = [(left, right) for left, right in drawn]
        parts = []
        for number, some in enumerate((pairs[::2], pairs[1::2])):
            columns = {"id": [left for left, _ in some], "right": [right for _, right in some]}
            schema = pa.schema({"id": pa.uint64(), "right": pa.uint64()})
            parts.append(committed(engine, f"edges-{turn}-{number}", pa.table(columns, schema)))
        found: dict[int, int] = {}
        matches: dict[int, int] = {}
        step = Gather(Components(engine.store), (buckets(), Given(parts)), len(SIZES))
        for part in engine.run([step])[step]:
            table = load(engine.store, part)
            (bucket,) = {vertex >> 32 for vertex in table["id"].to_pylist()}
            assert part.rows == table.num_rows
            assert part.key == step.keys[bucket]
            found |= dict(zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True))
            matches |= dict(zip(table["id"].to_pylist(), table["matches"].to_pylist(), strict=True))
        assert found == expected(pairs)
        assert matches == Counter(vertex for pair in pairs for vertex in pair)


def test_without_edges_there_are_no_labels(engine: Serial) -> None:
    step = Gather(Components(engine.store), (buckets(), Given([])), len(SIZES))
    assert engine.run([step])[step] == []
