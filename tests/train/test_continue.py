"""A finished run that goes on with more steps and another mix."""

from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.data.plan import plan_of
from triptych.train.optim.batch_scaling import scaled_settings
from triptych.train.optim.lr_schedule import lr_factor
from triptych.train.run import train
from triptych.train.run_record import RunRecord
from triptych.train.schedule_note import schedule_notes

from .small_runs import curve, tree


def config_of(dataset: Path, out: Path, weights: tuple[float, float], **more: Any) -> TrainConfig:
    config = tree(dataset, out, **({"steps": 4} | more))
    config["data"]["datasets"] = [
        {"path": str(dataset), "modality": kind, "weight": weight}
        for kind, weight in zip(("text", "image-text"), weights, strict=True)
    ]
    return TrainConfig.model_validate(config)


def test_a_finished_run_goes_on_with_more_steps_and_another_mix(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    assert train(config_of(dataset, tmp_path / "run", (1.0, 1.0)))
    before = curve(tmp_path / "run")
    more = config_of(dataset, tmp_path / "run", (0.2, 0.8), steps=8)
    with pytest.raises(Refusal, match="--change"):
        train(more)
    capsys.readouterr()
    assert train(more, change=True)
    printed = capsys.readouterr().out
    assert "step 4: the learning rate goes on at 0.00" in printed
    assert "(cosine over 8 steps); in the step before it was" in printed
    lines = curve(tmp_path / "run")
    assert lines[: len(before)] == before
    rates = {line["step"]: line["lr"] for line in lines if "split" not in line}
    assert rates[5] == pytest.approx(more.optimizer.lr * lr_factor(more.optimizer, 4, 8))
    assert rates[5] > rates[4]
    record = RunRecord.read(tmp_path / "run")
    assert record.training.steps == 8
    assert [change.step for change in record.changes] == [4]
    assert record.changes[0].keys["data.datasets.0.weight"] == (1.0, 0.2)


def test_the_same_schedule_has_no_note(dataset: Path, tmp_path: Path) -> None:
    config = config_of(dataset, tmp_path / "run", (1.0, 1.0))
    assert schedule_notes(config, config, 2) == []
    later = config.model_copy(update={"steps": 8})
    assert schedule_notes(config, later, 0) == []
    (note,) = schedule_notes(config, later, 2)
    assert note.startswith("step 2: the learning rate goes on at ")


def test_the_rates_of_a_note_are_those_of_the_trainer_also_where_rows_are_used_twice(
    dataset: Path, tmp_path: Path
) -> None:
    objective = {"kind": "masked", "anti_masking": True}
    optimizer = {"base_batch_tokens": 128, "base_tokens": 4096}
    config = config_of(dataset, tmp_path / "run", (1.0, 1.0), objective=objective, optimizer=optimizer)
    plan = plan_of(config)
    (note,) = schedule_notes(config, config.model_copy(update={"steps": 8}), 2)
    was, then = (
        scaled_settings(config.optimizer, plan.rows * plan.row_length, steps).lr
        * lr_factor(config.optimizer, step, steps)
        for step, steps in ((1, 4), (2, 8))
    )
    assert f"goes on at {then:.3g} (" in note
    assert f"in the step before it was {was:.3g} (" in note
