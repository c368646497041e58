"""Shards that look as a run left them are not read again; all others are, and `recheck` reads every one."""

import os
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.pack.repack_damaged import IsIntact
from triptych.pipelines.pack.shard_marks import MARKS, keep_marks, unchanged_parts
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig
from triptych.schemas.storage.store import Store

FILES = ("shards/one.arrow", "shards/two.arrow", "shards/three.arrow")
SHARDS = [(f"_work/pack/{number}.arrow", file) for number, file in enumerate(FILES)]


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made = Store(str(tmp_path) if request.param == "disk" else f"memory://{tmp_path.name}")
    for file in FILES:
        made.write(file, file.encode())
    return made


def test_a_shard_that_was_written_again_or_is_gone_does_not_look_unchanged(store: Store) -> None:
    assert unchanged_parts(store) == set()
    keep_marks(store, SHARDS)
    assert unchanged_parts(store) == {part for part, _ in SHARDS}
    store.write(FILES[0], FILES[0].encode())
    store.delete(FILES[1])
    assert unchanged_parts(store) == {SHARDS[2][0]}


@pytest.mark.parametrize("damage", [b"", b"nothing that Arrow knows"])
def test_damaged_marks_are_none(store: Store, damage: bytes) -> None:
    keep_marks(store, SHARDS)
    store.write(MARKS, damage)
    assert unchanged_parts(store) == set()


def test_a_resumed_run_reads_only_what_changed(text_tree: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    seen = IsIntact.__call__

    def look(self: IsIntact, name: str) -> bool:
        read.append(name)
        return seen(self, name)

    monkeypatch.setattr(IsIntact, "__call__", look)
    config = check(RunConfig, text_tree(tmp_path, pack={"shard_bytes": 20_000}), "test")
    manifest = prepare(config, Journal())
    assert read == []
    shards = [tmp_path / entry.file for entry in manifest.shards]
    assert len(shards) > 1
    prepare(config, Journal())
    assert read == []
    before = shards[0].stat()
    data = bytearray(shards[0].read_bytes())
    data[-1] ^= 1
    shards[0].write_bytes(data)
    os.utime(shards[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert prepare(config, Journal()) == manifest
    assert len(read) == 1
    assert shards[0].read_bytes() != data
    prepare(config, Journal(), recheck=True)
    assert len(read) == 1 + len(shards)
