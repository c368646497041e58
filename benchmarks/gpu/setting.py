"""What every part of the benchmark is given: where to write, on what device, with what sizes, and the data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from triptych.schemas.config.training import TrainConfig
from triptych.train.data.loader import Loader, MicroBatch
from triptych.train.data.plan import Plan, plan_of
from triptych.train.data.shard_cache import ShardCache
from triptych.train.data.shards import Shards

from .mix import WEIGHTS
from .record import Record
from .sizes import Model, Sizes


@dataclass(frozen=True)
class Setting:
    """One part of the benchmark at work."""

    work: Path  # folder of shards and runs
    sizes: Sizes
    device: torch.device
    record: Record
    peak: float | None  # operations per second of the device; None: not known

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    @property
    def packed(self) -> Path:
        """The dataset with several samples a row."""
        return self.work / "packed"

    @property
    def padded(self) -> Path:
        """The dataset with a row for each sample."""
        return self.work / "padded"


def train_config(
    dataset: Path, out: Path, model: Model, batch_tokens: int, steps: int, **more: dict[str, Any]
) -> TrainConfig:
    """A train file on the mix, without validation.

    Args:
        dataset: The dataset.
        out: Folder of the run.
        model: Its `model:` block.
        batch_tokens: Tokens of a step.
        steps: Number of steps.
        **more: Other blocks.
    """
    entries = [{"path": str(dataset), "modality": str(kind), "weight": weight} for kind, weight in WEIGHTS.items()]
    data = {"datasets": entries, "batch_tokens": batch_tokens, "validation": 0.0, "workers": 2, "cache": str(out)}
    tree = {"out": str(out), "data": data, "model": model, "steps": steps, "log_every": 1}
    return TrainConfig.model_validate(tree | more)


def batches(setting: Setting, dataset: Path, batch_tokens: int, steps: int) -> list[list[MicroBatch]]:
    """The first steps of a plan, as the trainer's loader gives them."""
    config = train_config(dataset, setting.work / "unused", setting.sizes.check_model, batch_tokens, steps)
    plan = plan_of(config)
    loader = Loader(plan, shards_of(plan, setting))
    found = list(loader)
    loader.close()
    return found


def shards_of(plan: Plan, setting: Setting) -> Shards:
    """The shards of a plan, which lie on a local disk."""
    return Shards(plan, ShardCache(setting.work / "unused", 0))
