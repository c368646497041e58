"""Every refusal of a train file or mix file is one paragraph that names the key, the value and what to do."""

from pathlib import Path

import pytest
import yaml

from triptych.schemas.config.load_training import load_mix, load_training
from triptych.schemas.config.mix import MixFile
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Kind

TRAIN_FILE = """\
out: runs/first
seed: 0
data: {datasets: [{path: out/stamps, weight: 1.0}], batch_tokens: 32768, validation: 0.02}
model: {depth: 4}                     # the size dial; or {preset: 100m}
objective: {kind: masked}             # masked | autoregressive
optimizer: {lr: 2.0e-3}
steps: 500
checkpoint: {every: 100, keep: 2}
"""
MIX_FILE = """\
datasets:
  - {path: out/stamps, weight: 2, modality: text, sources: [docs]}
  - {path: out/stamps, weight: 1, modality: image-text, max_epochs: 4}
seed: 3
batch_tokens: 65536
"""


@pytest.fixture
def train_yaml(tmp_path: Path) -> Path:
    path = tmp_path / "train.yaml"
    path.write_text(TRAIN_FILE, encoding="utf-8")
    return path


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(Refusal) as caught:
        load_training(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert message[-1] in ".?", message
    assert caught.value.exit_code == 2
    return message


def test_the_documented_train_file_is_valid_as_written(train_yaml: Path) -> None:
    config = load_training(train_yaml)
    assert (config.out, config.steps, config.optimizer.lr, config.data.validation) == ("runs/first", 500, 2e-3, 0.02)
    assert (config.model.depth, config.objective.kind, config.checkpoint.keep) == (4, "masked", 2)


def test_a_train_file_is_read_back_as_it_is_written(train_yaml: Path) -> None:
    config = load_training(train_yaml, ["objective={kind: autoregressive}", "ema=null"])
    assert TrainConfig.model_validate(yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json")))) == config


def test_overrides_are_applied(train_yaml: Path) -> None:
    config = load_training(train_yaml, ["steps=50", "optimizer.lr=1e-3", "data.datasets.0.max_epochs=1.5"])
    assert (config.steps, config.optimizer.lr, config.data.datasets[0].max_epochs) == (50, 1e-3, 1.5)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("step=50", ("unknown key `step`", "50", "Did you mean `steps`?")),
        ("data.batch_token=8", ("unknown key `data.batch_token`", "Did you mean `batch_tokens`?")),
        ("data.validation=2", ("`data.validation`", "2", "docs/reference/train-file.md")),
        ("data.datasets.0.weight=0", ("`data.datasets.0.weight`", "greater than 0")),
        ("data.datasets.0.modality=image", ("`data.datasets.0.modality`", "'image-text'")),
        ("data.datasets=[]", ("`data.datasets`", "at least 1")),
        ("data.datasets=[{path: a, weight: 1}, {path: a/, weight: 2}]", ("`data.datasets`", "twice", "add the two")),
        ("model={depth: 4, preset: 100m}", ("`model`", "give one of `depth`")),
        ("objective.kind=gan", ("`objective.kind`", "'gan'", "'masked'", "'autoregressive'")),
        ("objective.zloss=1", ("unknown key `objective.zloss`", "Did you mean `z_loss`?")),
        ("optimizer.betas=[0.9, 1.0]", ("`optimizer`", "0.9, 1.0", "below 1")),
        ("optimizer.base_tokens=100", ("`optimizer`", "base_batch_tokens", "both or neither")),
        ("optimizer.schedule=linear", ("`optimizer.schedule`", "'linear'", "'cosine' or 'wsd'")),
        ("steps=0", ("`steps`", "0")),
        ("model={depth: 4, audio_layout: delayed}", ("`model.audio_layout`", "'flat' or 'parallel'")),
    ],
)
def test_a_wrong_value_is_refused_by_key_value_and_fix(train_yaml: Path, override: str, words: tuple[str, ...]) -> None:
    message = refusal(train_yaml, override)
    assert all(word in message for word in words), message
    assert str(train_yaml) in message


def test_the_control_has_no_parallel_layout(train_yaml: Path) -> None:
    message = refusal(train_yaml, "objective={kind: autoregressive}", "model={depth: 4, audio_layout: parallel}")
    assert "train the control with `audio_layout: flat`" in message


def test_the_layout_is_no_part_of_the_identity_of_a_run_before_it(train_yaml: Path) -> None:
    flat, parallel = load_training(train_yaml), load_training(train_yaml, ["model={depth: 4, audio_layout: parallel}"])
    assert "audio_layout" not in flat.model.identity_body()
    assert parallel.model.identity_body()["audio_layout"] == "parallel"


@pytest.mark.parametrize("key", ["out", "data", "model", "steps"])
def test_a_missing_key_is_named(train_yaml: Path, key: str) -> None:
    tree = yaml.safe_load(train_yaml.read_text())
    del tree[key]
    train_yaml.write_text(yaml.safe_dump(tree))
    assert f"`{key}` is missing. Add it; docs/reference/train-file.md" in refusal(train_yaml)


def test_a_mix_is_read_from_a_mix_file_and_from_a_train_file(tmp_path: Path, train_yaml: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(MIX_FILE)
    mix = load_mix(path)
    assert isinstance(mix, MixFile)
    assert [entry.modality for entry in mix.datasets] == [Kind.TEXT, Kind.IMAGE_TEXT]
    assert (mix.datasets[0].sources, mix.datasets[1].max_epochs, mix.seed) == (("docs",), 4.0, 3)
    assert isinstance(load_mix(train_yaml), TrainConfig)
