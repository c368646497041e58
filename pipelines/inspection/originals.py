"""Reads the original rows of a dataset's documents from its sources.

A dataset holds only codes. What a tokenizer lost can be measured only while the sources are still in place; rows that
are missing or have changed are left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.load import check
from ...schemas.config.run import RunConfig
from ...schemas.dataset.manifest import RUN_REPORT
from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from ...schemas.identity import unseal
from ..sources.base import RawBatch, Reader, Unit
from ..sources.read import Input
from ..sources.registry import open_source
from ..sources.samples import samples

Origin = tuple[str, str, int]  # source, file and row, as in the segment table


def originals(
    dataset: Dataset, documents: Mapping[bytes, Origin], column: str, run: RunConfig | None = None
) -> dict[bytes, Any]:
    """A column of the raw rows of some documents, for those that are found and still the same.

    Units of their files are read until all are found.

    Args:
        dataset: The dataset that holds the documents.
        documents: Where each document was read, by its id.
        column: `text`, `image` or `audio`.
        run: A run file that names the sources; by default what `run.json` beside the manifest has.

    Returns:
        Values of the column by document id.

    Raises:
        Refusal: A source is not where the run file has it, or nothing says where the sources are.
    """
    config = run or sources_of(dataset)
    found: dict[bytes, Any] = {}
    for source in config.sources:
        left = {document: origin for document, origin in documents.items() if origin[0] == source.name}
        if not left:
            continue
        reader = open_source(source, config.limits, config.partition_bytes)
        units = reader.units()
        for unit in units:
            labels = unit.labels
            wanted = {document: row for document, (_, file, row) in left.items() if file in labels}
            if wanted:
                inputs = [Input(source, unit, reader.digest(unit), copy) for copy in range(len(units))]
                for document, value in _values(reader, unit, inputs, wanted, column, config.partition_bytes):
                    found[document] = value
                    left.pop(document, None)
    return found


def _values(
    reader: Reader, unit: Unit, inputs: list[Input], wanted: Mapping[bytes, int], column: str, budget: int
) -> Iterator[tuple[bytes, Any]]:
    """Yield (id, value) of the wanted documents of a unit, or of one of the copies of it that a source may have."""
    rows = pa.array(sorted(set(wanted.values())), pa.int64())
    for batch in reader.read(unit):
        candidates = RawBatch(batch.table.filter(pc.is_in(batch.table["row"], value_set=rows)))
        missing = set(candidates.table["row"].to_pylist())
        for copy in inputs:
            if not missing:
                break
            for sample in samples([candidates], copy.source, copy.base, budget):
                for name, row, value in zip(
                    *(sample.table[key].to_pylist() for key in ("id", "row", column)), strict=True
                ):
                    if name in wanted:
                        missing.discard(row)
                        yield name, value


def sources_of(dataset: Dataset) -> RunConfig:
    """The run that made a dataset, with the places of its sources, from `run.json` beside its manifest.

    Raises:
        Refusal: There is no `run.json`, as in a dataset that was handed on.
    """
    try:
        config = unseal(dataset.fs.cat_file(f"{dataset.root}/{RUN_REPORT}"))["config"]
    except ValueError as error:
        raise Refusal(
            f"{dataset.url}/{RUN_REPORT}: {error}. Restore it, or name the sources by `--sources run.yaml`.",
            exit_code=1,
        ) from None
    except (FileNotFoundError, KeyError):
        # datasets made before version 0.2 have the places in the manifest
        config = dataset.manifest.config | {"out": dataset.url}
        if any(source["path"] is None for source in config["sources"]):
            raise Refusal(
                f"{dataset.url}: does not say where its sources are, since it was handed on without {RUN_REPORT}. "
                "Name them by `--sources run.yaml`, the run file with your paths.",
                exit_code=1,
            ) from None
    return check(RunConfig, config, dataset.url)
