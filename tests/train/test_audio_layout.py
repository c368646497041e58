"""A run in the parallel layout of audio: the same tokens and masks, resumed bit for bit, and shared by processes."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.model.network.export import load_model
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.run import train

from ..processes import ranks
from .conftest import Workshop
from .small_runs import STEPS, curve, finish, start, tree

PARALLEL = {"model": {"depth": 1, "width": 64, "audio_layout": "parallel"}}


def trained(dataset: Path, out: Path, **more: Any) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    assert train(TrainConfig.model_validate(tree(dataset, out, **(PARALLEL | more))))
    return curve(out)


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parallel") / "run"
    trained(dataset, folder)
    return folder


def test_it_counts_the_tokens_of_the_flat_layout_and_fewer_operations(run: Path, undisturbed: Path) -> None:
    ours, flat = curve(run), curve(undisturbed)
    assert [line.get("tokens") for line in ours] == [line.get("tokens") for line in flat]
    assert ours[0]["nelbo"] == pytest.approx(flat[0]["nelbo"], rel=0.05)  # of weights at their initial values
    held = next(line for line in ours if line.get("split") == "validation")
    assert held["targets"] == next(line for line in flat if line.get("split") == "validation")["targets"]
    assert sum(held["nelbo_by_codebook"].values()) / 2 == pytest.approx(held["nelbo"]["audio"])
    assert load_model(run / "model").model.shape.audio_layout == "parallel"
    assert json.loads((run / "run.json").read_text())["config"]["model"]["audio_layout"] == "parallel"


def test_it_goes_on_bit_for_bit(run: Path, dataset: Path) -> None:
    before = curve(run), (run / "model" / "model.safetensors").read_bytes()
    train(TrainConfig.model_validate(tree(dataset, run, **PARALLEL)), start=9)
    assert (curve(run), (run / "model" / "model.safetensors").read_bytes()) == before


def test_two_processes_with_small_micro_batches_and_complements_give_the_same_losses(
    dataset: Path, tmp_path: Path
) -> None:
    both = {"objective": {"kind": "masked", "anti_masking": True}, "steps": STEPS // 2}
    alone = trained(dataset, tmp_path / "alone", **both)
    config = tree(dataset, tmp_path / "two", **(PARALLEL | both), compute={"micro_batch_tokens": 256})
    for process in [start(config, rank) for rank in ranks(2)]:
        finish(process)
    for mine, other in zip(curve(tmp_path / "two"), alone, strict=True):
        assert mine["nelbo"] == pytest.approx(other["nelbo"], rel=1e-4)
        ratios = (line.get("ce_by_ratio", {}) for line in (mine, other))
        assert [sorted(one) for one in next(ratios, {}).values()] == [sorted(one) for one in next(ratios, {}).values()]


def test_a_run_of_the_other_layout_and_data_without_audio_are_refused(
    run: Path, dataset: Path, workshop: type[Workshop], tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match=r'model.audio_layout: "parallel".*now it is "flat"'):
        train(TrainConfig.model_validate(tree(dataset, run)))
    vocabulary = workshop.vocabulary.model_copy(update={"audio": ()})
    text = workshop.write(tmp_path / "text", counts={"docs": 20}, vocabulary=vocabulary)
    with pytest.raises(Refusal, match="the datasets hold no audio"):
        train(TrainConfig.model_validate(tree(text, tmp_path / "out", **PARALLEL)))
