"""The rows that documents of a dataset were made from, read once more from its sources.

A dataset holds codes alone. What a tokenizer lost can be told only while the sources lie where they lay; a row that
is not there any more, or is another one by now, is not given.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...schemas.config.load import check
from ...schemas.config.run import RunConfig
from ...schemas.dataset.reader import Dataset
from ..sources.read import Input, row_ids
from ..sources.registry import open_source

Origin = tuple[str, str, int]  # source, file and row, as a segment has them


def originals(dataset: Dataset, documents: Mapping[bytes, Origin], column: str) -> dict[bytes, Any]:
    """A column (`text`, `image`, `audio`) of those documents, by id, that are found and still the same.

    Units of their files are read until all are found. Raises Refusal when a source is not where the run file had it.
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
                    if row in rows and _is(rows[row], row, inputs):
                        found[rows[row]] = value
                        del left[rows[row]]
    return found


def _is(document: bytes, row: int, inputs: list[Input]) -> bool:
    """Whether a document's id is that of a row of a unit, or of one of the copies of it that a source may have."""
    return any(row_ids(unit.base, np.array([row]))[0].as_py() == document for unit in inputs)
