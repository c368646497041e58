"""A masked run of two steps and its control, with all that a run's folder has."""

from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.schemas.training import TrainConfig
from triptych.train.run import train
from triptych.train.studio import Studio

KINDS = ("masked", "autoregressive")


@pytest.fixture(scope="session")
def runs(made: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> dict[str, Path]:
    """Folders by the kind of objective; not to be written to."""

    def fill(folder: Path) -> None:
        for kind in KINDS:
            tree = {
                "out": str(folder / kind),
                "data": {"datasets": [{"path": str(made), "weight": 1}], "batch_tokens": 1024, "validation": 0.2},
                "model": {"depth": 1, "width": 64},
                "objective": {"kind": kind},
                "steps": 2,
            }
            train(TrainConfig.model_validate(tree))

    folder = once("evaluated-runs", fill)
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="session")
def studios(runs: dict[str, Path]) -> dict[str, Studio]:
    """The runs, opened."""
    return {kind: Studio.open(folder) for kind, folder in runs.items()}
