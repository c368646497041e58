"""Remote shards: fetched once and ahead of need, and never taken for what they are not."""

import os
import time
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from triptych.schemas.errors import Refusal
from triptych.train.data.loader import Loader
from triptych.train.data.plan import Plan
from triptych.train.data.shard_cache import ShardCache
from triptych.train.data.shards import Shards


@pytest.fixture
def remote(dataset: Path, tmp_path: Path) -> str:
    """The dataset where no memory map reaches."""
    fs = fsspec.filesystem("memory")
    where = f"/{tmp_path.name}/out"
    for path in dataset.rglob("*"):
        if path.is_file():
            fs.pipe_file(f"{where}/{path.relative_to(dataset).as_posix()}", path.read_bytes())
    return f"memory:/{where}"


def plan_of(url: str, workshop: Any, **settings: Any) -> Plan:
    made: Plan = workshop.plan({"path": url, "weight": 1}, **({"steps": 3} | settings))
    return made


def test_a_remote_dataset_gives_the_same_batches(remote: str, dataset: Path, tmp_path: Path, workshop: Any) -> None:
    tokens = []
    for url in (str(dataset), remote):
        plan = plan_of(url, workshop)
        cache = ShardCache(tmp_path / "cache", 0)
        loader = Loader(plan, Shards(plan, cache))
        tokens.append([one.batch.tokens_BL.numpy() for step in loader for one in step])
        loader.close()
        cache.close()
    assert all(np.array_equal(one, other) for one, other in zip(*tokens, strict=True))
    names = {path.name for path in (tmp_path / "cache").glob("*.arrow")}
    assert names == {f"{entry.xxh3}.arrow" for entry in plan.datasets[0].manifest.shards}


def test_shards_are_fetched_before_they_are_asked_for(remote: str, tmp_path: Path, workshop: Any) -> None:
    plan = plan_of(remote, workshop)
    cache = ShardCache(tmp_path / "cache", 0)
    shards = Shards(plan, cache)
    entries = [shards.entry(number) for number in range(len(shards))]
    cache.prefetch(entries[:2], entries[2:4])
    wanted = {entry.xxh3 for _, entry in entries[:4]}
    deadline = time.monotonic() + 60
    while wanted != {path.stem for path in (tmp_path / "cache").glob("*.arrow")}:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    cache.close()


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_shard_is_found_on_first_touch(remote: str, tmp_path: Path, workshop: Any, damage: str) -> None:
    plan = plan_of(remote, workshop)
    cache = ShardCache(tmp_path / "cache", 0)
    data, entry = Shards(plan, cache).entry(0)
    where = f"{data.root}/{entry.file}"
    good = data.fs.cat_file(where)
    if damage == "gone":
        data.fs.rm_file(where)
    else:
        data.fs.pipe_file(where, good[:-7] if damage == "cut" else good[:500] + b"x" + good[501:])
    said = {"cut": f"{len(good) - 7:,} bytes of {len(good):,}", "changed": "another checksum", "gone": "not there"}
    with pytest.raises(Refusal, match=said[damage]) as caught:
        cache.shard(data, entry)
    assert entry.file in str(caught.value)
    data.fs.pipe_file(where, good)
    assert cache.shard(data, entry).rows == entry.rows  # what was mended is fetched again
    cache.close()


def test_what_was_used_longest_ago_goes_first(remote: str, tmp_path: Path, workshop: Any) -> None:
    plan = plan_of(remote, workshop)
    shards = Shards(plan, ShardCache(tmp_path, 0))
    entries = [shards.entry(number) for number in range(len(shards))]
    cache = ShardCache(tmp_path / "cache", limit=entries[2][1].bytes)
    for at, (data, entry) in enumerate(entries[:3]):
        os.utime(cache.fetch(data, entry), (at, at))
    cache.prefetch(entries[3:4], [])
    cache.fetch(*entries[3])
    left = {path.stem for path in (tmp_path / "cache").glob("*.arrow")}
    assert entries[0][1].xxh3 not in left
    assert entries[3][1].xxh3 in left
    assert entries[2][1].xxh3 in left
    cache.close()


def test_a_shard_is_one_file_for_all_datasets_and_processes(remote: str, tmp_path: Path, workshop: Any) -> None:
    plan = plan_of(remote, workshop)
    first, second = ShardCache(tmp_path / "cache", 0), ShardCache(tmp_path / "cache", 0)
    data, entry = Shards(plan, first).entry(0)
    path = first.fetch(data, entry)
    data.fs.rm_file(f"{data.root}/{entry.file}")
    assert second.fetch(data, entry) == path
    assert [one.name for one in (tmp_path / "cache").iterdir()] == [f"{entry.xxh3}.arrow"]
    first.close()
    second.close()
