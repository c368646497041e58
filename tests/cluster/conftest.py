"""Fixtures of the tests with real servers, other hosts and faults; `make test-cluster` runs them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.dask_processes import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    started = Cluster(folder)
    yield started
    started.close()


@pytest.fixture
def expected(text_tree: Callable[..., Any], prepared: Any, contents: Any, tmp_path: Path) -> dict[str, bytes]:
    """The dataset of the serial engine."""
    prepared(text_tree(tmp_path / "serial"))
    found: dict[str, bytes] = contents(tmp_path / "serial")
    return found
