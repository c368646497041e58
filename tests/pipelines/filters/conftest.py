from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.filters.registry import filter_function
from triptych.schemas.config.filters.union import AnyFilter
from triptych.schemas.config.run import Limits

RowsToDrop = dict[int, list[str]]


@pytest.fixture(scope="session")
def judge() -> Callable[[AnyFilter, Sequence[str]], RowsToDrop]:
    """Every complaint of a filter about texts, by row; the texts come in two chunks."""

    def run(config: AnyFilter, texts: Sequence[str]) -> RowsToDrop:
        half = len(texts) // 2
        chunks: Mapping[str, Any] = {"text": pa.chunked_array([texts[:half], texts[half:]], pa.string())}
        found: RowsToDrop = {}
        for row, detail in filter_function(config)(config, pa.table(chunks), Limits()):
            found.setdefault(row, []).append(detail)
        return found

    return run
