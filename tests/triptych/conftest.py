"""A dataset of random codes to stream from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ..train.conftest import write_dataset


@pytest.fixture(scope="session")
def prepared_mix(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Two kinds, three shards each; not to be written to."""
    counts = {"docs": 200, "stamps": 90}

    def fill(folder: Path) -> None:
        write_dataset(folder / "out", counts=counts)

    return once("prepared-mix", fill) / "out"
