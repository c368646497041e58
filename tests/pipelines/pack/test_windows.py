"""Windows: every partition is in one, they are drawn whatever the order, and a small corpus is a single one."""

import random
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines.partition import Partition
from triptych.pipelines.inspection.verify import verify
from triptych.pipelines.pack import windows as windows_module
from triptych.pipelines.pack.windows import WINDOW_PARTITIONS, in_windows, windows
from triptych.schemas.identity import fingerprint

TOKENS = 1000


def parts(count: int, name: str = "file") -> list[Partition]:
    return [Partition(fingerprint(name, at), (), 1, note={"tokens": TOKENS}) for at in range(count)]


@pytest.mark.parametrize("count", [0, 1, WINDOW_PARTITIONS, 2 * WINDOW_PARTITIONS - 1])
def test_a_corpus_of_less_than_two_windows_is_dealt_as_a_whole(count: int) -> None:
    given = parts(count)
    assert windows(given, 0) == [given]


@pytest.mark.parametrize("count", [128, 129, 191, 192, 1000])
def test_every_partition_is_in_one_window_and_none_is_small(count: int) -> None:
    given = parts(count)
    drawn = windows(given, 0)
    assert sorted(part.key for window in drawn for part in window) == sorted(part.key for part in given)
    assert len(drawn) == count // WINDOW_PARTITIONS
    assert all(WINDOW_PARTITIONS <= len(window) < 2 * WINDOW_PARTITIONS for window in drawn)
    shuffled = random.Random(count).sample(given, count)
    assert windows(shuffled, 0) == drawn


def test_small_partitions_make_windows_of_enough_tokens() -> None:
    drawn = windows(parts(1000), 300 * TOKENS)
    assert [len(window) for window in drawn] == [300, 300, 400]
    assert len(windows(parts(1000), 501 * TOKENS)) == 1


def test_a_window_draws_from_all_files() -> None:
    given = [part for name in ("a", "b", "c", "d") for part in parts(400, name)]
    names = {part.key: name for name in ("a", "b", "c", "d") for part in parts(400, name)}
    for window in windows(given, 0):
        counts = [sum(names[part.key] == name for part in window) for name in ("a", "b", "c", "d")]
        assert min(counts) >= 4  # 16 are expected, and blocks of files would give 64 and 0


def test_groups_have_windows_of_their_own() -> None:
    groups = {"text": parts(130), "image-text": parts(3, "other")}
    assert [(name, len(window)) for name, window in in_windows(groups, 1)] == [
        ("text", 64),
        ("text", 66),
        ("image-text", 3),
    ]


def test_a_run_of_several_windows_verifies_and_holds_what_one_window_holds(
    text_tree: Any, prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"partition_bytes": 4096, "pack": {"shard_bytes": 30_000}}
    whole = prepared(text_tree(tmp_path / "whole", **changes))
    monkeypatch.setattr(windows_module, "WINDOW_PARTITIONS", 3)
    monkeypatch.setattr(windows_module, "WINDOW_SHARDS", 0.5)
    dealt = prepared(text_tree(tmp_path / "dealt", **changes))
    assert verify(str(tmp_path / "dealt"))[1] == []
    assert dealt.ledger == whole.ledger
    assert dealt.statistics.sources == whole.statistics.sources
    assert {entry.file for entry in dealt.shards}.isdisjoint(entry.file for entry in whole.shards)
    again = prepared(text_tree(tmp_path / "again", **changes))
    assert [entry.file for entry in again.shards] == [entry.file for entry in dealt.shards]
