"""Correctness of training: the losses of the device beside those of a CPU, and a run that is resumed.

The same run is taken on both: the trainer with its own loader, noise, optimizer and clipping. The relative difference
of the loss of any step must stay below 1e-3 in float32 and below 2e-2 in bfloat16 on the device (float32 on the CPU).
A run is then saved halfway by torch.distributed.checkpoint and taken up there again: the loss of the next step must be
the same bit for bit, those after it within 1e-3, since some sums on a GPU depend on the order of its threads.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from triptych.schemas.config.training import TrainConfig
from triptych.train.data.plan import plan_of
from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.metrics_file import read_lines
from triptych.train.run import train
from triptych.train.trainer import Trainer

from .setting import Setting, train_config

TOLERANCES = {"float32": 1e-3, "bfloat16": 2e-2}
RESUMED = 1e-3


def measure(setting: Setting) -> None:
    """Both checks."""
    check_losses(setting)
    check_resume(setting)


def check_losses(setting: Setting) -> None:
    """Train the same steps on the CPU and on the device."""
    own = ProcessGroup.start()
    try:
        cpu = replace(own, device=torch.device("cpu"))
        wanted = losses(config_of(setting, "on-cpu", "float32", compiled=False), cpu)
        for precision, limit in TOLERANCES.items():
            found = losses(config_of(setting, f"on-device-{precision}", precision, compiled=setting.cuda), own)
            furthest = greatest_difference(found, wanted)
            setting.record.add(
                f"losses of {len(wanted)} steps against a CPU, {precision}",
                passed=furthest < limit,
                limit=limit,
                difference=furthest,
                first=found[0],
                last=found[-1],
            )
    finally:
        own.close()


def losses(config: TrainConfig, process: ProcessGroup) -> list[float]:
    """The loss of each step."""
    trainer = Trainer(config, plan_of(config), process)
    found = []
    for micros in trainer.loader:
        result = trainer.gradients(micros, False)
        found.append(result.loss)
        trainer._update(result, micros)
    trainer.loader.close()
    return found


def check_resume(setting: Setting) -> None:
    """Train a run to its end, then once more from its checkpoint in the middle."""
    half = max(setting.sizes.check_steps // 2, 1)
    config = config_of(setting, "resumed", "auto", compiled=setting.cuda, checkpoint={"every": half, "keep": 3})
    train(config)
    wanted = logged(Path(config.out))
    train(config, start=half)
    found = logged(Path(config.out))
    furthest = greatest_difference(found[half:], wanted[half:])
    setting.record.add(
        f"saved by DCP and resumed at step {half} of {config.steps}",
        passed=len(found) == len(wanted) and found[half] == wanted[half] and furthest < RESUMED,
        limit=RESUMED,
        difference=furthest,
        all_bits_equal=found == wanted,
    )


def logged(run: Path) -> list[float]:
    """The loss of each step of a run, from its metrics."""
    return [line["loss"] for line in read_lines(run) if "loss" in line]


def greatest_difference(found: list[float], wanted: list[float]) -> float:
    """The greatest relative difference; NaN counts as infinite."""
    differences = [abs(a / b - 1) for a, b in zip(found, wanted, strict=True)]
    return max(each if each == each else float("inf") for each in differences)


def config_of(setting: Setting, name: str, precision: str, *, compiled: bool, **more: dict[str, Any]) -> TrainConfig:
    """A run of the small model."""
    return train_config(
        setting.packed,
        setting.work / name,
        setting.sizes.check_model,
        setting.sizes.check_batch,
        setting.sizes.check_steps,
        compute={"precision": precision, "compile": compiled},
        **more,
    )
