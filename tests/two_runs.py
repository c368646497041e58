"""A masked run of two steps and its control: worth nothing, with all that a run's folder has."""

from pathlib import Path

import torch

from triptych.schemas.config.training import TrainConfig
from triptych.train.run import train

KINDS = ("masked", "autoregressive")


def train_both(dataset: Path, folder: Path, *, validation: float) -> None:
    """Train both on a dataset into `folder`, under the names of their objectives."""
    torch.set_num_threads(1)
    for kind in KINDS:
        tree = {
            "out": str(folder / kind),
            "data": {
                "datasets": [{"path": str(dataset), "weight": 1.0}],
                "batch_tokens": 1024,
                "validation": validation,
                "cache": str(folder / "cache"),
            },
            "model": {"depth": 1, "width": 64},
            "objective": {"kind": kind},
            "steps": 2,
        }
        assert train(TrainConfig.model_validate(tree))
