"""Runs of a small model: killed and resumed, on one process and on two, stopped, and refused."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from triptych.model.network.export import load_model
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.checkpoint.checkpoints import Checkpoints
from triptych.train.optim import skip_steps
from triptych.train.optim.skip_steps import SkipSteps
from triptych.train.run import train
from triptych.train.run_record import RunRecord

from ..processes import Forked, ranks

Tree = dict[str, Any]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone")
STEPS = 12


def tree(dataset: Path, out: Path, **more: Any) -> Tree:
    return {
        "out": str(out),
        "data": {
            "datasets": [{"path": str(dataset), "weight": 1.0}],
            "batch_tokens": 1024,
            "validation": 0.1,
            "cache": str(out),
        },
        "model": {"depth": 1, "width": 64},
        "steps": STEPS,
        "checkpoint": {"every": 3, "keep": 2},
        "validation": {"every": 6, "rows": 4},
        "log_every": 1,
    } | more


def curve(out: Path) -> list[Tree]:
    """Lines of metrics, without what a clock has a say in."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if "per_second" not in key} for line in lines]


def written(config: Tree) -> str:
    """Path of its train file."""
    file = Path(config["out"]).with_suffix(".yaml")
    file.write_text(yaml.safe_dump(config))
    return str(file)


def start(config: Tree, rank: dict[str, str] | None = None) -> Forked:
    """`python -m triptych.train`, forked from a process that has the imports."""
    return Forked("import triptych.train.__main__", [written(config)], ENVIRONMENT | (rank or {}))


def finish(process: Forked) -> str:
    code, output = process.end(timeout=240)
    assert code == 0, output
    return output


def command(config: Tree, *launcher: str) -> None:
    """The same in a process of its own, as a user starts it."""
    line = [sys.executable, *launcher, "-m", "triptych.train", written(config)]
    done = subprocess.run(line, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr


def logged(out: Path) -> int:
    """Lines of metrics that are there."""
    file = out / "metrics.jsonl"
    return file.read_text().count("\n") if file.exists() else 0


def saving(out: Path) -> bool:
    """Whether a checkpoint is being written; `.metadata` is the last of its files."""
    return any(not (folder / ".metadata").exists() for folder in (out / "checkpoints").glob(".tmp-*"))


def kill_when(process: Forked, ready: Callable[[], bool]) -> None:
    """SIGKILL as soon as it is `ready`, which it has to be before it ends."""
    while process.running() and not ready():
        time.sleep(0.001)
    process.send(signal.SIGKILL)
    code, output = process.end(timeout=240)
    assert code == -signal.SIGKILL, output


def require_same(out: Path, other: Path) -> None:
    """Curves and weights, bit for bit."""
    assert curve(out) == curve(other)
    weights = [(root / "model" / "model.safetensors").read_bytes() for root in (out, other)]
    assert weights[0] == weights[1]


@pytest.fixture(scope="session")
def undisturbed(dataset: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A run that nobody kills, by one thread."""

    def fill(folder: Path) -> None:
        command(tree(dataset, folder / "run"))

    return once("trained", fill) / "run"


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


@pytest.mark.parametrize("lines", [2, 8])
def test_a_killed_run_goes_on_to_the_same_curve_bit_for_bit(
    dataset: Path, undisturbed: Path, tmp_path: Path, lines: int
) -> None:
    config = tree(dataset, tmp_path / "run")
    kill_when(start(config), lambda: logged(tmp_path / "run") >= lines)
    assert not (tmp_path / "run" / "model" / "config.json").exists()
    finish(start(config))
    require_same(tmp_path / "run", undisturbed)


def test_killed_again_and_again_while_it_saves_a_run_goes_on_bit_for_bit(
    dataset: Path, undisturbed: Path, tmp_path: Path
) -> None:
    config = tree(dataset, tmp_path / "run", checkpoint={"every": 1, "keep": 2})
    draw = random.Random(7)
    for at_least in (1, 4, 7):  # steps; a kill may undo one
        later = at_least + draw.randrange(2)

        def ready(later: int = later) -> bool:
            return logged(tmp_path / "run") >= later and saving(tmp_path / "run")

        kill_when(start(config), ready)
    finish(start(config))
    require_same(tmp_path / "run", undisturbed)
    assert not list((tmp_path / "run" / "checkpoints").glob(".tmp-*"))


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


def test_sigterm_saves_and_exits_with_zero(dataset: Path, undisturbed: Path, tmp_path: Path) -> None:
    config = tree(dataset, tmp_path / "run", checkpoint={"every": 1000, "keep": 2})
    process = start(config)
    while process.running() and logged(tmp_path / "run") < 3:
        time.sleep(0.001)
    process.send(signal.SIGTERM)
    assert "Stopped and saved" in finish(process)
    assert len(list((tmp_path / "run" / "checkpoints").glob("step-*"))) == 1
    assert load_model(tmp_path / "run" / "model").objective == "masked"
    finish(start(config))
    assert curve(tmp_path / "run") == curve(undisturbed)


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
