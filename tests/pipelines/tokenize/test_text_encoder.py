"""Which library encodes is chosen on the run's own text, and changes no byte that identifies a dataset."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.run import RunConfig
from triptych.schemas.dataset.manifest import Manifest
from triptych.tokenizers.registry import _open
from triptych.tokenizers.text import gigatoken_encoder

TEXTS = [
    f"the {word} of a run {number}" + " \u2581" * (number % 5 == 4)
    for number, word in enumerate(["first", "second", "third"] * 40)
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "docs.jsonl"
    file.write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    return file


def run(corpus: Path, out: Path, **text: Any) -> tuple[Manifest, Journal]:
    _open.cache_clear()
    source = {"name": "docs", "kind": "jsonl", "path": str(corpus), "modality": "text", "text": "text"}
    tree = {"name": "run", "out": str(out), "engine": {"kind": "serial"}, "sources": [source], "row_length": 512}
    journal = Journal()
    config = RunConfig.model_validate(
        tree | {"tokenizers": {"text": {"kind": "sentencepiece", "vocab_size": 300} | text}}
    )
    return prepare(config, journal), journal


def digests(out: Path) -> dict[str, str]:
    files = [file for file in out.rglob("*") if file.is_file() and "_work" not in file.parts]
    changing = ("run.json", "manifest.json")
    return {
        str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.name not in changing
    }


def test_with_and_without_gigatoken_a_dataset_is_the_same(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, _ = run(corpus, tmp_path / "fast")
    assert fast.environment["text_encoder"].startswith("gigatoken ")
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    slow, _ = run(corpus, tmp_path / "slow")
    assert slow.environment["text_encoder"].startswith("sentencepiece ")
    assert (fast.fingerprint, fast.run) == (slow.fingerprint, slow.run)
    assert digests(tmp_path / "fast") == digests(tmp_path / "slow")
    one, other = (manifest.model_dump(exclude={"environment"}) for manifest in (fast, slow))
    assert one == other


def test_the_reference_encodes_where_the_ids_of_the_runs_text_differ(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = run(corpus, tmp_path / "out")
    encode = gigatoken_encoder.FastModel.encode

    def wrong(model: gigatoken_encoder.FastModel, texts: Any) -> gigatoken_encoder.Encoded:
        codes, offsets = encode(model, texts)
        return (codes + 1 if "of a run" in (texts[0].as_py() or "") else codes), offsets

    monkeypatch.setattr(gigatoken_encoder.FastModel, "encode", wrong)
    manifest, _ = run(corpus, tmp_path / "other")
    assert manifest.environment["text_encoder"].startswith("sentencepiece ")
    assert manifest.fingerprint == expected.fingerprint


def test_a_run_that_goes_on_does_not_compare_again(corpus: Path, tmp_path: Path) -> None:
    first, journal = run(corpus, tmp_path / "out")
    assert [(step.total, step.reused) for step in journal.steps if step.label == "encoder"] == [(1, 0)]
    again, journal = run(corpus, tmp_path / "out")
    assert [(step.total, step.reused) for step in journal.steps if step.label == "encoder"] == [(1, 1)]
    assert first == again


def test_the_other_model_makes_another_dataset_in_the_same_out(corpus: Path, tmp_path: Path) -> None:
    bpe, _ = run(corpus, tmp_path / "out")
    unigram, _ = run(corpus, tmp_path / "out", model="unigram")
    assert unigram.environment["text_encoder"].startswith("sentencepiece ")
    assert bpe.vocabulary_fingerprint != unigram.vocabulary_fingerprint
    assert (bpe.run, bpe.fingerprint) != (unigram.run, unigram.fingerprint)
    assert {shard.file for shard in bpe.shards}.isdisjoint(shard.file for shard in unigram.shards)
