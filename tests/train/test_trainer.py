"""Runs of a small model: on one process and on two, with other settings, and refused."""

import json
import math
from pathlib import Path

import pytest
import torch

from triptych.model.network.export import load_model
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.run import train

from ..processes import ranks
from .conftest import Workshop
from .small_runs import STEPS, TORCHRUN, command, curve, finish, kill_when, start, tree


def test_a_run_learns_validates_saves_and_exports(undisturbed: Path) -> None:
    lines = curve(undisturbed)
    steps = [line for line in lines if "split" not in line]
    assert [line["step"] for line in steps] == list(range(1, STEPS + 1))
    assert set(steps[0]["nelbo"]) == {"text", "image", "audio"}
    held = [line for line in lines if line.get("split") == "validation"]
    assert [(line["step"], line["weights"]) for line in held] == [(6, "raw"), (6, "ema"), (12, "raw"), (12, "ema")]
    assert all(error > 0 for line in held for error in line["nelbo_error"].values())
    assert sum(held[2]["nelbo"].values()) < sum(held[0]["nelbo"].values())  # the masks are the same
    assert sorted(path.name for path in (undisturbed / "checkpoints").iterdir()) == ["step-00000009", "step-00000012"]
    run = json.loads((undisturbed / "run.json").read_text())
    assert run["trained_on"][0].keys() == {"path", "fingerprint", "vocabulary", "has_content"}
    exported = load_model(undisturbed / "model")
    assert sum(parameter.numel() for parameter in exported.model.parameters()) == sum(run["parameters"].values())


def test_the_training_loss_falls_where_there_is_something_to_learn(workshop: type[Workshop], tmp_path: Path) -> None:
    # a tenth of the codes occur; all of the fixture's do, equally often, so there the loss cannot fall
    vocabulary = workshop.vocabulary.model_copy(update={"text": 3000})
    data = workshop.write(tmp_path / "data", counts={"docs": 100}, vocabulary=vocabulary)
    # with a bias, the head would know from the start which codes occur
    model = {"depth": 1, "width": 64, "head_bias": False}
    config = tree(data, tmp_path / "run", optimizer={"lr": 1e-2}, ema=None, model=model)
    torch.set_num_threads(1)
    assert train(TrainConfig.model_validate(config))
    losses = [line["loss"] for line in curve(tmp_path / "run") if "split" not in line]
    assert losses[0] == pytest.approx(math.log(3000), abs=0.2)
    assert sum(losses[-3:]) / 3 < sum(losses[:3]) / 3 - 0.2


def test_two_processes_and_small_micro_batches_give_the_same_losses(
    dataset: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = tree(dataset, tmp_path / "run", compute={"micro_batch_tokens": 256})
    command(config, *TORCHRUN)
    ours, theirs = curve(tmp_path / "run"), curve(undisturbed)
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["nelbo"] == pytest.approx(other["nelbo"], rel=1e-4)
        assert mine.get("tokens") == other.get("tokens")


def test_sharded_over_two_processes_a_run_goes_on_where_one_process_stopped(
    dataset: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = tree(dataset, tmp_path / "run")
    kill_when(start(config), (tmp_path / "run/checkpoints/step-00000003").exists)
    sharded = config | {"compute": {"parallel": "fsdp"}}
    for process in [start(sharded, rank) for rank in ranks(2)]:
        finish(process)
    ours, theirs = curve(tmp_path / "run"), curve(undisturbed)
    assert ours[-1]["nelbo"] == pytest.approx(theirs[-1]["nelbo"], rel=1e-3)
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]


def test_a_folder_with_another_run_is_refused(dataset: Path, undisturbed: Path) -> None:
    other = TrainConfig.model_validate(tree(dataset, undisturbed, model={"depth": 2, "width": 64}))
    with pytest.raises(Refusal, match=r"model.depth: 1.*now it is 2.*another `out`"):
        train(other)


def test_the_autoregressive_control_trains_by_the_same_command(dataset: Path, tmp_path: Path) -> None:
    config = tree(dataset, tmp_path / "run", objective={"kind": "autoregressive"}, steps=6, ema=None)
    torch.set_num_threads(1)
    assert train(TrainConfig.model_validate(config))
    lines = curve(tmp_path / "run")
    assert lines[-1]["split"] == "validation"
    assert lines[-1]["weights"] == "raw"
    assert load_model(tmp_path / "run" / "model").objective == "autoregressive"


def test_recomputed_activations_and_bfloat16_change_the_rounding_alone(
    dataset: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = tree(dataset, tmp_path / "run", compute={"recompute": True, "precision": "bfloat16"}, steps=STEPS)
    torch.set_num_threads(1)
    train(TrainConfig.model_validate(config))
    mine, other = curve(tmp_path / "run")[3], curve(undisturbed)[3]
    assert mine["loss"] == pytest.approx(other["loss"], rel=0.05)
    assert mine["loss"] != other["loss"]


def test_named_datasets_are_validated_on_whole_and_never_trained_on(dataset: Path, tmp_path: Path) -> None:
    named = tree(dataset, tmp_path / "run", steps=2, ema=None)
    named["validation"] = {"every": 2, "rows": 2, "datasets": [str(dataset)]}
    with pytest.raises(Refusal, match=r"documents of .*, which is named for validation, are also among"):
        train(TrainConfig.model_validate(named))
    named["data"]["allow_overlap"] = True
    finish(start(named))
    lines = [line for line in curve(tmp_path / "run") if "split" in line]
    assert [line["split"] for line in lines] == ["validation", "validation_datasets"]
    assert sum(lines[1]["targets"].values()) > sum(lines[0]["targets"].values())
