"""A given tokenizer is copied into the run as it was when the run began, or not at all."""

import shutil
from pathlib import Path

import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.tokenize.train import TrainTokenizer, ready_tokenizers
from triptych.schemas.config.run import RunConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import Store
from triptych.schemas.vocabulary import Modality


def test_a_tokenizer_that_changes_before_it_is_copied_is_refused(
    tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "text.model"
    shutil.copy(made / "tokenizers" / "text" / "text.model", model)
    config = RunConfig.model_validate(
        {
            "name": "run",
            "out": str(tmp_path / "out"),
            "sources": [{"name": "a", "kind": "jsonl", "path": "a", "text": "text"}],
            "tokenizers": {"text": {"kind": "sentencepiece", "path": str(model)}},
        }
    )
    store = Store(config.out)
    ready = ready_tokenizers(
        Serial(store, Journal()), {"a": []}, config.sources, config.tokenizers, config.seed, config.limits
    )[Modality.TEXT]
    assert store.exists(f"{ready.folder}/text.model")
    model.write_bytes(model.read_bytes() + b"\xc2\x3e\x01\x00")  # a field that SentencePiece passes over
    with pytest.raises(Refusal, match=r"tokenizers.text.path: .*text.model changed during the run"):
        TrainTokenizer(store, config.tokenizers, config.seed)((Modality.TEXT, ready.folder, ()))
