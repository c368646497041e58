"""Datasets opened to be looked at."""

from pathlib import Path

import pytest

from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.pipelines.inspection.browse.segment_media import SegmentMedia


@pytest.fixture
def browsed(made: Path, tmp_path: Path) -> BrowsedDataset:
    """The tri-modal dataset, with a cache of its own."""
    return BrowsedDataset(str(made), str(tmp_path / "cache"))


@pytest.fixture
def media(browsed: BrowsedDataset) -> SegmentMedia:
    """Its decoded segments."""
    return SegmentMedia(browsed)
