"""A masked run of two steps and its control, with all that a run's folder has."""

from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.train.generate.generator import Generator

from ...two_runs import KINDS, train_both


@pytest.fixture(scope="session")
def runs(made: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> dict[str, Path]:
    """Folders by the kind of objective; not to be written to."""
    folder = once("evaluated-runs", lambda folder: train_both(made, folder, validation=0.2))
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="session")
def generators(runs: dict[str, Path]) -> dict[str, Generator]:
    """The runs, opened."""
    return {kind: Generator.open(folder) for kind, folder in runs.items()}
