"""Edges join just the distinct rows that are candidates and alike, whichever buckets they are in."""

import random
from itertools import combinations

import numpy as np
import pyarrow as pa

from triptych.pipelines.dedup.candidates import Key, Pair, Verify, place_of
from triptych.pipelines.dedup.sign import Distinct, Sign
from triptych.pipelines.dedup.text.minhash import MinHash
from triptych.pipelines.engines.partition import Partition, commit
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.shuffle import bucket_key
from triptych.pipelines.engines.stage import part_key, part_name
from triptych.schemas.config.dedup import NearText, TextDedup
from triptych.schemas.config.run import Limits
from triptych.schemas.vocabulary import Modality

BUCKETS = 3
ORIGIN = "of a shuffle"
NEAR = NearText(threshold=0.6, permutations=64)


def corpus() -> list[str]:
    """Texts, their copies, and copies with one to four words changed."""
    draw = random.Random(0)
    texts = [[f"w{draw.randrange(500)}" for _ in range(50)] for _ in range(12)]
    for number in range(36):
        text = list(texts[number % 12])
        for at in draw.sample(range(50), number // 8):
            text[at] = f"new{number}"
        texts.append(text)
    return [" ".join(text) for text in texts]


def distinct(engine: Serial) -> list[pa.Table]:
    """The texts signed and numbered, as committed parts and as tables, one per bucket."""
    texts = corpus()
    rows = pa.table(
        {
            "id": pa.array([number.to_bytes(16, "big") for number in range(len(texts))], pa.binary(16)),
            "source": ["docs"] * len(texts),
            "file": ["a.jsonl"] * len(texts),
            "row": pa.array(range(len(texts)), pa.int64()),
            "part": pa.array([0] * len(texts), pa.uint64()),
            "text": texts,
        }
    )
    signed = Sign(Modality.TEXT, TextDedup(near=NEAR), Limits()).run(rows).table
    signed = signed.sort_by([("key", "ascending"), ("id", "ascending")])
    bucket = np.array([int.from_bytes(key[:8], "little") % BUCKETS for key in signed["key"].to_pylist()])
    tables = []
    for number in range(BUCKETS):
        outcome = Distinct(BUCKETS).run(signed.filter(pa.array(bucket == number)))
        key = part_key(Distinct(BUCKETS), Partition(bucket_key(ORIGIN, number), (), 0))
        commit(engine.store, part_name("distinct", key), outcome)
        tables.append(outcome.table)
    return tables


def test_edges_are_the_pairs_with_a_common_key_that_are_alike(engine: Serial) -> None:
    near = MinHash(NEAR)
    tables = distinct(engine)
    keys = pa.concat_tables([Key(near, 0).run(table).table for table in tables])
    assert keys.num_rows == near.bands[0] * len(set(corpus()))  # copies have no keys of their own
    pairs = Pair(near).run(keys.sort_by([("key", "ascending"), ("id", "ascending")])).table
    assert pairs["bucket"].to_pylist() == [vertex >> 32 for vertex in pairs["id"].to_pylist()]
    edges: set[tuple[int, int]] = set()
    for number in range(BUCKETS):
        mine = pairs.filter(pa.array(pairs["bucket"].to_numpy() == number))
        found = Verify(engine.store, near, 0, ORIGIN, BUCKETS).run(pa.concat_tables([mine, mine])).table
        listed = list(zip(found["id"].to_pylist(), found["right"].to_pylist(), strict=True))
        assert len(listed) == len(set(listed))
        edges |= set(listed)

    once = pa.concat_tables([table.filter(table["first"]) for table in tables])
    vertex, signature = once["vertex"].to_pylist(), once["near0"].combine_chunks()
    keyed = near.keys(signature)
    of_row = [set(keyed.key[keyed.owner == row].tolist()) for row in range(len(vertex))]
    expected = set()
    for left, right in combinations(range(len(vertex)), 2):
        if of_row[left] & of_row[right] and near.alike(signature.take([left]), signature.take([right])).all():
            expected.add((min(vertex[left], vertex[right]), max(vertex[left], vertex[right])))
    assert edges == expected
    assert len({low >> 32 == high >> 32 for low, high in edges}) == 2  # within buckets and across


def test_a_pair_is_listed_once_and_never_with_itself() -> None:
    table = pa.table(
        {
            "key": pa.array([1, 1, 2, 2, 2], pa.uint64()),
            "id": pa.array([3, 5, 3, 3, 5], pa.uint64()),
            "sketch": pa.array([0] * 5, pa.uint64()),
        }
    )
    found = Pair(MinHash(NEAR)).run(table).table
    assert found.to_pylist() == [{"bucket": 0, "id": 3, "right": 5}]


def test_the_place_of_a_vertex_is_its_number_without_its_bucket() -> None:
    assert place_of(np.array([9, (7 << 32) | 9, (1 << 63) | 0xFFFFFFFF], np.uint64)).tolist() == [9, 9, 0xFFFFFFFF]
