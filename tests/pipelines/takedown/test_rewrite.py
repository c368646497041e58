"""A rewritten dataset lies beside the old one: without the documents, and with manifest and lists that say so."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from triptych.pipelines.takedown.rewrite import ids_in, pieces_of, rewrite
from triptych.schemas.dataset.manifest import MANIFEST, parse_manifest
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store

from .documents import documents

BELOW = "_new/"


def binary(ids: list[str]) -> pa.Array:
    return pa.array([bytes.fromhex(each) for each in ids], pa.binary(16))


def test_ids_in_a_shard_are_those_of_its_segments(texts: Path) -> None:
    dataset = Dataset(str(texts))
    wanted = sorted(documents(texts))[::3]
    found: list[str] = []
    for entry in dataset.manifest.shards:
        shard = dataset.open(entry)
        mine = {segment["id"].hex() for row in shard.batch.column("segments").to_pylist() for segment in row}
        listed = [each.hex() for each in ids_in(shard, binary([*wanted, "0" * 32])).to_pylist()]
        assert sorted(listed) == sorted(mine & set(wanted))
        found += listed
    assert set(found) == set(wanted)


def test_the_new_files_lack_the_documents_and_the_old_ones_stay(texts: Path) -> None:
    dataset = Dataset(str(texts))
    before, old = documents(texts), dataset.manifest
    files = {path: path.read_bytes() for path in texts.rglob("*") if path.is_file()}
    gone = sorted(before)[1:30:7]
    holding = [entry.file for entry in old.shards if len(ids_in(dataset.open(entry), binary(gone)))]
    cuts = rewrite(Store(str(texts)), BELOW, dataset, holding, binary(gone))
    assert all(path.read_bytes() == data for path, data in files.items())
    new = parse_manifest((texts / BELOW / MANIFEST).read_bytes(), "test")

    assert [cut.old.file for cut in cuts] == holding
    lost = {line["id"].hex(): line["tokens"] for cut in cuts for line in cut.documents.to_pylist()}
    assert sorted(lost) == gone
    untouched = [entry for entry in old.shards if entry.file not in holding]
    assert [entry for entry in new.shards if entry in untouched] == untouched
    assert len(new.shards) == len(old.shards) - sum(cut.new is None for cut in cuts)
    for cut in cuts:
        if cut.new is not None:
            data = (texts / BELOW / cut.new.file).read_bytes()
            assert xxhash.xxh3_128_hexdigest(data) == cut.new.xxh3
            assert cut.new in new.shards

    lines = pq.read_table(io.BytesIO((texts / BELOW / new.dropped.file).read_bytes())).to_pylist()
    added = lines[sum(map(len, pieces_of(dataset, old.dropped))) :]
    assert sorted(line["detail"] for line in added) == gone
    last = {tally.source: tally for tally in new.ledger}["docs"]
    assert (last.stage, last.dropped) == ("takedown", {"takedown": len(gone)})
    assert last.tokens_dropped == {"takedown": sum(lost.values())}
    assert (last.kept, last.rows_in) == (len(before) - len(gone), len(before))
    last.check()
    left = {cut.old.file: cut.new for cut in cuts}
    assert {entry.file for entry in new.shards} == {
        entry.file for each in old.shards if (entry := left.get(each.file, each)) is not None
    }


def test_a_damaged_table_or_shard_is_refused(texts: Path) -> None:
    dataset = Dataset(str(texts))
    entry = dataset.manifest.shards[0]
    first = dataset.row(0).segments[0]["id"].hex()
    path = texts / entry.file
    sound = path.read_bytes()
    path.write_bytes(sound[:-8] + b"damaged!")
    with pytest.raises(Refusal, match="its checksum differs from the manifest"):
        rewrite(Store(str(texts)), BELOW, dataset, [entry.file], binary([first]))
    path.write_bytes(sound)
    (texts / dataset.manifest.dropped.file).unlink()
    with pytest.raises(Refusal, match=r"dropped\.parquet: its checksum differs"):
        list(pieces_of(dataset, dataset.manifest.dropped))
    assert not (texts / BELOW / MANIFEST).exists()
