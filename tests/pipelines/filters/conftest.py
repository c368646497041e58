from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.filters.registry import judge_of
from triptych.schemas.config.filters.union import AnyFilter
from triptych.schemas.config.run import Limits

Complaints = dict[int, list[str]]


@pytest.fixture(scope="session")
def judge() -> Callable[[AnyFilter, Sequence[str]], Complaints]:
    """Every complaint of a filter about texts, by row; the texts come in two chunks."""

    def run(config: AnyFilter, texts: Sequence[str]) -> Complaints:
        half = len(texts) // 2
        chunks: Mapping[str, Any] = {"text": pa.chunked_array([texts[:half], texts[half:]], pa.string())}
        found: Complaints = {}
        for row, detail in judge_of(config)(config, pa.table(chunks), Limits()):
            found.setdefault(row, []).append(detail)
        return found

    return run
