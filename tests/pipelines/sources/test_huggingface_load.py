"""The split that a source of kind `datasets` names."""

from pathlib import Path
from typing import Any

import datasets
import pytest

from triptych.pipelines.sources.huggingface_load import load
from triptych.schemas.config.sources import DatasetsSource
from triptych.schemas.errors import Refusal


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def source(path: object, **keys: Any) -> DatasetsSource:
    return DatasetsSource(name="src", kind="datasets", path=str(path), text="text", **keys)


def test_a_single_saved_dataset_has_its_own_split_and_train(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["a", "b"]}, split="test").save_to_disk(tmp_path / "one")
    assert load(source(tmp_path / "one"))["text"][:] == load(source(tmp_path / "one", split="test"))["text"][:]
    assert load(source(tmp_path / "one", split="test[1:]+train[:1]"))["text"][:] == ["b", "a"]
    with pytest.raises(Refusal, match=r"split 'dev'\): datasets cannot load it"):
        load(source(tmp_path / "one", split="dev"))


def test_a_key_without_effect_is_refused_before_loading(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{broken")
    with pytest.raises(Refusal, match=r"`sources\.src\.revision` has no effect"):
        load(source(tmp_path, revision="main"))
    with pytest.raises(Refusal, match=r"datasets cannot load it"):
        load(source(tmp_path))


def test_what_a_builder_cannot_read_is_one_paragraph(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"text": "a"}\n{broken\n')
    with pytest.raises(Refusal, match=r"`sources\.src\.path` is 'json'") as refused:
        load(source("json", data_files=str(tmp_path / "a.json")))
    assert "\n" not in str(refused.value)
