"""Reads the original rows of a dataset's documents from its sources.

A dataset holds only codes. What a tokenizer lost can be measured only while the sources are still in place; rows that
are missing or have changed are left out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...schemas.config.load import check
from ...schemas.config.run import RunConfig
from ...schemas.dataset.reader import Dataset
from ..sources.read import Input, row_ids
from ..sources.registry import open_source

Origin = tuple[str, str, int]  # source, file and row, as in the segment table


def originals(dataset: Dataset, documents: Mapping[bytes, Origin], column: str) -> dict[bytes, Any]:
    """Read one column of documents that are still in the sources and unchanged.

    Args:
        dataset: The dataset.
        documents: Document id -> origin.
        column: `text`, `image` or `audio`.

    Returns:
        Document id -> value, for the documents that were found.

    Raises:
        Refusal: A source is not where the run file says.
    """
    config = check(RunConfig, dataset.manifest.config | {"out": dataset.url}, dataset.url)
    found: dict[bytes, Any] = {}
    for source in config.sources:
        left = {document: origin for document, origin in documents.items() if origin[0] == source.name}
        if not left:
            continue
        reader = open_source(source, config.limits, config.partition_bytes)
        units = reader.units()
        for unit in units:
            rows = {row: document for document, (_, file, row) in left.items() if file == unit.label}
            if not rows:
                continue
            inputs = [Input(source, unit, reader.digest(unit), copy) for copy in range(len(units))]
            for batch in reader.read(unit):
                for row, value in zip(*(batch.table[name].to_pylist() for name in ("row", column)), strict=True):
                    if row in rows and _has_id(rows[row], row, inputs):
                        found[rows[row]] = value
                        del left[rows[row]]
    return found


def _has_id(document: bytes, row: int, inputs: list[Input]) -> bool:
    """True if the id is that of a row of the unit, or of one of several copies of it that a source may have."""
    return any(row_ids(unit.base, np.array([row]))[0].as_py() == document for unit in inputs)
