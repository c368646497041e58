"""Exports of a masked run, of its control, and of a run in the parallel layout of audio."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from triptych.schemas.config.training import TrainConfig
from triptych.train.handing_on.huggingface import export_to_huggingface
from triptych.train.run import train

from ...two_runs import KINDS, train_both
from ..small_runs import tree

EXPORTS = (*KINDS, "parallel")


def fill_runs(made: Path, dataset: Path, folder: Path) -> None:
    train_both(made, folder, validation=0.2)
    torch.set_num_threads(1)
    model = {"depth": 2, "width": 64, "audio_layout": "parallel", "head_bias": False}
    assert train(TrainConfig.model_validate(tree(dataset, folder / "parallel", model=model, steps=4)))


@pytest.fixture(scope="session")
def runs(made: Path, dataset: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A folder of runs by the names of EXPORTS; not to be written to."""
    return once("exported-runs", lambda folder: fill_runs(made, dataset, folder))


@pytest.fixture(scope="session")
def exports(runs: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Their exports by the same names; not to be written to."""

    def fill(folder: Path) -> None:
        for name in EXPORTS:
            export_to_huggingface(str(runs / name), str(folder / name))

    return once("exports", fill)
