"""The S3 server of tests, and a run in a folder to compare with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ...object_store import bucket, s3_server, weather
from .url_runs import finish, start, tree

__all__ = ["bucket", "s3_server", "weather"]


@pytest.fixture(scope="session")
def on_disk(dataset: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The same run in a folder."""

    def fill(folder: Path) -> None:
        config = tree(dataset, str(folder / "run"), folder / "cache")
        finish(start(config, folder / "train.yaml"))

    return once("trained-on-disk", fill) / "run"
