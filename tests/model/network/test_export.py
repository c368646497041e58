import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from triptych.model.network.export import CONFIG, VOCABULARY, WEIGHTS, load_model, save_model
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import ModelConfig
from triptych.schemas.errors import Mismatch, Refusal
from triptych.schemas.vocabulary import Vocabulary

from ..conftest import VOCABULARY as IDS

SHAPE = shape_of(ModelConfig(depth=1, width=64))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = Transformer(SHAPE, IDS)
    initialise(model, 0)
    save_model(tmp_path / "model", model.state_dict(), SHAPE, IDS, "masked")
    return tmp_path / "model"


def test_what_is_saved_is_loaded(folder: Path) -> None:
    out = load_model(folder)
    again = Transformer(SHAPE, IDS)
    initialise(again, 0)
    for (name, mine), (other, theirs) in zip(out.model.named_parameters(), again.named_parameters(), strict=True):
        assert name == other
        assert torch.equal(mine, theirs)
    assert (out.vocabulary, out.objective, out.model.shape) == (IDS, "masked", SHAPE)
    assert sorted(path.name for path in folder.iterdir()) == sorted([WEIGHTS, VOCABULARY, CONFIG])


def test_the_shape_is_kept_and_an_export_without_new_keys_is_as_before(folder: Path, tmp_path: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    bias = weights.pop("head.bias")
    plain = {"depth": 1, "width": 64, "head_bias": False}
    for version, keys in enumerate((plain, {**plain, "audio_layout": "parallel"}, {**plain, "head_bias": True}), 1):
        shape = shape_of(ModelConfig.model_validate(keys))
        saved = tmp_path / str(version)
        save_model(saved, weights | ({"head.bias": bias} if shape.head_bias else {}), shape, IDS, "masked")
        config = json.loads((saved / CONFIG).read_bytes())
        assert config["version"] == version
        assert ("audio_layout" in config["shape"], "head_bias" in config["shape"]) == (version > 1, version > 2)
        assert load_model(saved).model.shape == shape


@pytest.mark.parametrize("name", [WEIGHTS, VOCABULARY, CONFIG])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(Refusal, match=f"no {name}"):
        load_model(folder)


@pytest.mark.parametrize("name", [WEIGHTS, VOCABULARY, CONFIG])
def test_a_broken_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:50])
    with pytest.raises(Refusal, match="damaged"):
        load_model(folder)


@pytest.mark.parametrize("name", [WEIGHTS, VOCABULARY, CONFIG])
def test_a_changed_bit_is_refused(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    for at in (len(data) // 2, len(data) - 5):
        changed = bytearray(data)
        changed[at] ^= 1
        (folder / name).write_bytes(changed)
        with pytest.raises(Refusal, match="damaged"):
            load_model(folder)


def without_checksums(folder: Path) -> None:
    """Make an export what versions before wrote."""
    tree = json.loads((folder / CONFIG).read_text())
    del tree["files"], tree["seal"]
    (folder / CONFIG).write_text(json.dumps(tree, indent=1, sort_keys=True))


def test_an_export_of_a_version_that_wrote_no_checksums_is_loaded(folder: Path) -> None:
    without_checksums(folder)
    assert load_model(folder).vocabulary == IDS


def test_other_parameters_are_refused(folder: Path) -> None:
    without_checksums(folder)
    weights = load_file(folder / WEIGHTS)
    save_file({name: value for name, value in weights.items() if name != "norm.weight"}, folder / WEIGHTS)
    with pytest.raises(Refusal, match=r"does not fit config.json .*norm.weight"):
        load_model(folder)
    save_file(weights | {"more": torch.zeros(1)}, folder / WEIGHTS)
    with pytest.raises(Refusal, match="more"):
        load_model(folder)
    save_file(weights | {"norm.weight": torch.zeros(3)}, folder / WEIGHTS)
    with pytest.raises(Refusal, match="size mismatch"):
        load_model(folder)


def test_another_vocabulary_is_refused(folder: Path) -> None:
    without_checksums(folder)
    other = Vocabulary(text=41, image=23, audio=(12, 10))
    (folder / VOCABULARY).write_text(other.model_dump_json())
    with pytest.raises(Mismatch, match=other.fingerprint):
        load_model(folder)


def test_another_version_is_refused(folder: Path) -> None:
    tree = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(tree | {"version": 2}))
    with pytest.raises(Refusal, match="another version"):
        load_model(folder)
