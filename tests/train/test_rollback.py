"""A run that breaks down goes back by itself, and a kill at any point of that changes nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.checkpoint.checkpoints import Checkpoints
from triptych.train.checkpoint.retention import complete_steps
from triptych.train.optim import skip_steps
from triptych.train.optim.skip_steps import SkipSteps
from triptych.train.run import train
from triptych.train.run_record import RunRecord

from .small_runs import curve, require_same, tree


class Killed(BaseException):
    """Stands for SIGKILL."""


def test_a_rollback_that_is_killed_halfway_ends_as_one_that_is_not(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    train(TrainConfig.model_validate(tree(dataset, tmp_path / "plain")))
    broken = {line["loss"] for line in curve(tmp_path / "plain") if "loss" in line and line["step"] == 8}
    usual = SkipSteps._problem

    def problem(guard: SkipSteps, loss: float, norm: float) -> str | None:
        return "its rows are broken" if loss in broken else usual(guard, loss, norm)

    save = Checkpoints.save

    def killed(*arguments: Any) -> str | None:
        if not isinstance(arguments[-1], dict) or arguments[-1]["rollbacks"]:
            raise Killed
        return save(*arguments)

    monkeypatch.setattr(skip_steps, "PATIENCE", 1)
    monkeypatch.setattr(SkipSteps, "_problem", problem)

    def run(name: str) -> Path:
        out = tmp_path / name
        # keep: later checkpoints than the one that the run goes back to must not be taken for its newest
        config = tree(dataset, out, on_breakdown="rollback", checkpoint={"every": 3, "keep": 9})
        assert train(TrainConfig.model_validate(config))
        return out

    whole = run("whole")
    changes = RunRecord.read(whole).changes
    assert [(each.step, dict(each.keys)) for each in changes] == [(6, {"rows of the steps": (6, 7)})]
    assert curve(whole)[:6] == curve(tmp_path / "plain")[:6]
    for at in ("discard_after", "restate", "save"):
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoints, at, killed)
            with pytest.raises(Killed):
                run(at)
        require_same(run(at), whole)
        assert RunRecord.read(tmp_path / at).changes == changes


@pytest.mark.parametrize(("sound", "kept"), [(0, "No checkpoint was saved before"), (4, "The checkpoint of step 3 is")])
def test_a_run_that_ends_says_whether_a_sound_checkpoint_is_left(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: int, kept: str
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(skip_steps, "PATIENCE", 1)
    monkeypatch.setattr(SkipSteps, "_problem", lambda guard, loss, norm: "broken" if guard.seen >= sound else None)
    config = TrainConfig.model_validate(tree(dataset, tmp_path / "run", checkpoint={"every": 3}))
    with pytest.raises(Refusal, match=f"training broke down: .*{kept}"):
        train(config)
    assert complete_steps(tmp_path / "run" / "checkpoints") == ([3] if sound else [])


def test_a_rate_that_breaks_the_weights_ends_a_run_with_muon(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(skip_steps, "PATIENCE", 3)
    monkeypatch.setattr(skip_steps, "YOUNG", 2)
    changes = {"optimizer": {"lr": 1e3, "warmup": 1}, "checkpoint": {"every": 1}}
    with pytest.raises(Refusal, match=r"the loss was [\d,]+ times that of a uniform guess.*matrix_lr"):
        train(TrainConfig.model_validate(tree(dataset, tmp_path / "run", **changes)))
    kept = complete_steps(tmp_path / "run" / "checkpoints")
    assert kept == [1, 2]  # from before the first skipped step
