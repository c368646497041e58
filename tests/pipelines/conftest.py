"""Datasets that a test may change, and an S3 server."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from ..object_store import bucket, s3_server, weather

__all__ = ["bucket", "s3_server", "weather"]


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """The tri-modal dataset without its raw rows."""
    return Path(shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns("_work")))


@pytest.fixture
def texts(text_tree: Any, prepared: Any, tmp_path: Path) -> Path:
    """A dataset of texts in several shards."""
    prepared(text_tree(tmp_path / "out"))
    return tmp_path / "out"
