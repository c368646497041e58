"""The statistics of shards add up as they come, from notes of this version and of earlier ones."""

import json
import random
from collections.abc import Mapping
from typing import Any

from triptych.pipelines.pack.packed import PackedStatistics, statistics_note
from triptych.schemas.dataset.statistics import SourceStatistics, Statistics, merge_statistics


def shard(seed: int) -> Statistics:
    draw = random.Random(seed)
    source = SourceStatistics(kind="text", samples=draw.randint(1, 9), lengths={draw.randint(1, 50): 3, 7: 1})
    codes = {
        "text": {draw.randint(0, 300): draw.randint(1, 1 << 40) for _ in range(draw.randint(0, 40))},
        "image": {},
        f"audio{seed % 2}": {5: 1},
    }
    return Statistics(rows=seed, filled=10 * seed, sources={f"s{seed % 3}": source}, codebooks=codes)


def test_the_sum_is_that_of_the_shards_and_notes_keep_the_rest() -> None:
    shards = [shard(seed) for seed in range(20)]
    found = PackedStatistics()
    for number, statistics in enumerate(shards):
        note: Mapping[str, Any] = {"shard": {"file": "a"}, **statistics_note(statistics)}
        if number % 2:  # of an earlier version
            note = {"shard": {"file": "a"}, "statistics": statistics.model_dump(mode="json")}
        assert found(json.loads(json.dumps(note))) == {"shard": {"file": "a"}}
    assert found.statistics().model_dump_json() == merge_statistics(shards).model_dump_json()


def test_nothing_packed_is_nothing() -> None:
    assert PackedStatistics().statistics() == Statistics()
