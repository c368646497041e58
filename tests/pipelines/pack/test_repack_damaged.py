"""Committed parts whose shard is gone or has changed are deleted, and no others."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.stage import part_key, part_name
from triptych.pipelines.engines.steps import Given, Map
from triptych.pipelines.pack.repack_damaged import IsIntact, delete_damaged
from triptych.pipelines.pack.shard import PackShard
from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store
from triptych.schemas.vocabulary import Vocabulary


def test_only_parts_with_an_unchanged_shard_or_none_are_left(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    engine = Serial(store, Journal())
    stage = PackShard(store, Vocabulary(text=50), 16, "text", SentencePieceConfig(), None)
    parts = {name: Partition(name, (), 1) for name in ("whole", "none", "gone", "changed", "cut", "never packed")}
    names = {name: part_name("pack", part_key(stage, part)) for name, part in parts.items()}
    for name in ("whole", "none", "gone", "changed", "cut"):
        data = f"bytes of {name}".encode()
        entry: Any = {"file": f"shards/{name}.arrow", "xxh3": xxhash.xxh3_128_hexdigest(data)}
        store.write(entry["file"], data)
        note = {"shard": None if name == "none" else entry}
        commit(
            store, names[name], Outcome(pa.table({"id": pa.array([], pa.binary(16))}), DROPPED.empty_table(), (), note)
        )
    store.delete("shards/gone.arrow")
    store.write("shards/changed.arrow", b"bytes of Changed")
    store.write("shards/cut.arrow", b"bytes of cu")
    store.write("_work/pack/of-another-run.arrow", b"not looked at")
    assert {name for name in names if name != "never packed" and IsIntact(store)(names[name])} == {"whole", "none"}
    for _ in range(2):
        delete_damaged(engine, [Map(stage, Given(list(parts.values())))])
        left = {names["whole"], names["none"], "_work/pack/of-another-run.arrow"}
        assert set(store.names("_work/pack")) == left
    assert [(step.label, step.done) for step in engine.journal.steps] == [("shards", 5), ("shards", 2)]
