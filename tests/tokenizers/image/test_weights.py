"""The weights of a model are found whole and as safetensors, or it is said which file is missing."""

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.errors import Refusal
from triptych.tokenizers.image.weights import find_model


def write(folder: Path, config: Any, **weights: bytes) -> Path:
    """A folder with config.json and weight files; `__` in a name stands for a hyphen."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    for name, data in weights.items():
        (folder / f"{name.replace('__', '-')}.safetensors").write_bytes(data)
    return folder


def test_one_file_is_found_before_an_index(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", {"width": 8}, model=b"all", other=b"others")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "other.safetensors"}}))
    found = find_model(str(folder), "model")
    assert (found.folder, found.config, found.weights) == (folder, {"width": 8}, (folder / "model.safetensors",))


def test_the_parts_of_an_index_come_once_and_in_order(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", {}, model__2=b"b", model__1=b"a")
    index = {"x": "model-2.safetensors", "y": "model-1.safetensors", "z": "model-2.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    found = find_model(str(folder), "model")
    assert [path.name for path in found.weights] == ["model-1.safetensors", "model-2.safetensors"]
    (folder / "model-1.safetensors").unlink()
    with pytest.raises(Refusal, match=r"names model-1\.safetensors, which is missing"):
        find_model(str(folder), "model")


def test_the_fingerprint_is_of_the_model_and_not_of_who_saved_it_where(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", {"width": 8}, model=b"all")
    first = find_model(str(folder), "model").fingerprint(16)
    saved = {"width": 8, "_name_or_path": "elsewhere", "transformers_version": "9"}
    again = find_model(str(write(tmp_path / "again", saved, model=b"all")), "model")
    assert again.fingerprint(16) == first
    wider = find_model(str(write(tmp_path / "wider", {"width": 9}, model=b"all")), "model")
    other = find_model(str(write(tmp_path / "other", {"width": 8}, model=b"al1")), "model")
    assert len({first, again.fingerprint(17), wider.fingerprint(16), other.fingerprint(16)}) == 4


def test_pickles_nothing_and_no_config_are_refused_each_in_its_words(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", {})
    with pytest.raises(Refusal, match=r"holds no weights\. Give a model saved as model\.safetensors"):
        find_model(str(folder), "model")
    (folder / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(Refusal, match=r"only pickled weights \(pytorch_model\.bin\)"):
        find_model(str(folder), "model")
    (folder / "config.json").write_text("[1]")
    with pytest.raises(Refusal, match="holds list, not a JSON object"):
        find_model(str(folder), "model")
    (folder / "config.json").write_text("{")
    with pytest.raises(Refusal, match="cannot be read as JSON"):
        find_model(str(folder), "model")
    (folder / "config.json").unlink()
    with pytest.raises(Refusal, match=r"has no config\.json"):
        find_model(str(folder), "model")
