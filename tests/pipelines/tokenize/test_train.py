"""A given tokenizer is copied into the run as it was when the run began, or not at all."""

import shutil
from pathlib import Path

import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.steps import Gather
from triptych.pipelines.tokenize.train import TrainTokenizer
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
    task = TrainTokenizer(store, Modality.TEXT, config.tokenizers, config.seed)
    step = Gather(task, ())
    Serial(store, Journal()).run([step])
    assert store.exists(f"{task.folder(step.key)}/text.model")
    model.write_bytes(model.read_bytes() + b"\xc2\x3e\x01\x00")  # a field that SentencePiece passes over
    with pytest.raises(Refusal, match=r"tokenizers.text.path: .*text.model changed during the run"):
        task(step.key, ())
