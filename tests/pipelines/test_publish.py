"""What is published is what the manifest lists, byte by byte, and nothing is published when the ledger is off."""

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest
import xxhash

from triptych.pipelines.clean import Cleaned
from triptych.pipelines.dropped_rows import DROPPED_FILE
from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.publish import LIBRARIES, ORDER, environment, publish, run_report
from triptych.pipelines.tokenize.text_encoder import TextEncoder
from triptych.schemas.config.run import RunConfig
from triptych.schemas.dataset.file_entry import FileEntry
from triptych.schemas.dataset.ledger import Tally
from triptych.schemas.dataset.manifest import MANIFEST
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.statistics import Statistics
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store

SOURCE = {"name": "docs", "kind": "jsonl", "path": "docs.jsonl", "text": "text"}


def config() -> RunConfig:
    tree = {"name": "run", "out": "out", "sources": [SOURCE], "engine": {"kind": "serial"}}
    return RunConfig.model_validate(tree)


def test_the_manifest_lists_every_file_with_its_size_and_checksum(texts: Path) -> None:
    manifest = Dataset(str(texts)).manifest
    entries: list[FileEntry] = [*manifest.shards, manifest.dropped, manifest.duplicates]
    entries += [entry for tokenizer in manifest.tokenizers.values() for entry in tokenizer.files]
    assert len(manifest.shards) > 1
    assert len(manifest.tokenizers["text"].files) > 1
    for entry in entries:
        data = (texts / entry.file).read_bytes()
        assert (len(data), xxhash.xxh3_128_hexdigest(data)) == (entry.bytes, entry.xxh3)
    found = {path.relative_to(texts).as_posix() for path in texts.rglob("*") if path.is_file()}
    listed = {entry.file for entry in entries}
    assert {name for name in found if name.startswith(("shards/", "tokenizers/"))} <= listed
    order = [ORDER.index(tally.stage) for tally in manifest.ledger if tally.source == "docs"]
    assert order == sorted(set(order))


def test_files_of_another_run_go_and_the_dataset_stays(text_tree: Any, prepared: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared(text_tree(out))
    before = (out / MANIFEST).read_bytes()
    stale = [out / "shards/text-0123456789abcdef.arrow", out / "tokenizers/image/model.safetensors"]
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"stale")
    other = out / "notes.txt"
    other.write_text("mine")
    prepared(text_tree(out))
    assert not any(path.exists() for path in stale)
    assert (other.read_text(), (out / MANIFEST).read_bytes()) == ("mine", before)


def test_a_ledger_that_does_not_balance_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    journal = Journal()
    journal.tallies.append(Tally(stage="read", source="docs", rows_in=5, kept=3, dropped={"text_empty": 1}))
    with pytest.raises(Refusal, match="5 rows in, but 3 kept and 1 dropped"):
        publish(
            Store(str(tmp_path)),
            config(),
            [],
            Cleaned((), FileEntry(file="none", bytes=0, xxh3="0" * 32), ()),
            {},
            TextEncoder("none 1", False),
            [],
            Statistics(),
            journal,
        )
    assert not (tmp_path / DROPPED_FILE).exists()
    assert not (tmp_path / MANIFEST).exists()


def test_the_report_of_a_run_has_its_steps_and_the_peak_of_each_worker() -> None:
    journal = Journal()
    for label, peaks in (("read", [("a:1", 10), ("a:2", 30)]), ("pack", [("a:1", 25), ("a:1", 20)]), ("text", [])):
        with journal.step(label, 4, 2) as step:
            for process, peak in peaks:
                step.advance(process, peak)
    report = run_report(config(), journal, 12.3456)
    assert [
        (step["step"], step["partitions"], step["reused"], step["peak_bytes_so_far"]) for step in report["steps"]
    ] == [
        ("read", 4, 2, 30),
        ("pack", 4, 2, 25),
        ("text", 4, 2, 0),
    ]
    assert (report["seconds"], report["workers"], report["peak_bytes_of_a_worker"]) == (12.35, 2, 30)
    assert report["peak_bytes_of_the_driver"] > 1 << 20
    assert report["engine"] == {"kind": "serial"}


def test_the_environment_has_the_version_of_every_library() -> None:
    found = environment()
    assert set(found) == {"triptych", "python", *LIBRARIES}
    assert found["numpy"] == importlib.metadata.version("numpy")
