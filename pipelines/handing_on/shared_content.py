"""Counts documents whose content is in more than one dataset, in bounded memory: by buckets of hashes on disk."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from ...schemas.dataset.reader import Dataset
from ...schemas.dataset.segment_tables import SegmentTables

BUCKET = 4_000_000  # documents whose hashes are in memory at a time, about
_HASH = np.dtype([("high", "<u8"), ("low", "<u8")])


def shared_content(datasets: Sequence[Dataset]) -> int:
    """Return the number of contents that documents of more than one dataset have.

    Where a dataset is of an earlier version, whose segments have no `content`, documents are compared by id.
    """
    segments = sum(s.segments for each in datasets for s in each.manifest.statistics.sources.values())
    buckets = max(1, segments // BUCKET)
    column = "content" if all(each.manifest.has_content for each in datasets) else "id"
    with tempfile.TemporaryDirectory(prefix="triptych-") as name:
        for number, dataset in enumerate(datasets):
            _spool(dataset, column, buckets, Path(name) / str(number))
        return sum(_shared(Path(name), len(datasets), bucket) for bucket in range(buckets))


def _spool(dataset: Dataset, column: str, buckets: int, stem: Path) -> None:
    tables = SegmentTables(dataset)
    for shard in range(len(dataset.manifest.shards)):
        flat = tables.of(shard).flatten()
        first = flat.filter(pc.equal(flat.field("offset"), 0)).field(column)  # a document once, not each of its pieces
        hashes = np.frombuffer(b"".join(first.to_pylist()), _HASH)
        bucket = hashes["high"] % buckets
        for each in np.unique(bucket).tolist():
            with open(f"{stem}-{each}", "ab") as file:
                file.write(hashes[bucket == each].tobytes())


def _shared(folder: Path, datasets: int, bucket: int) -> int:
    found: list[npt.NDArray[np.void]] = []
    for number in range(datasets):
        path = folder / f"{number}-{bucket}"
        if path.exists():
            found.append(np.unique(np.fromfile(path, _HASH)))
    if len(found) < 2:
        return 0
    _, counts = np.unique(np.concatenate(found), return_counts=True)
    return int((counts > 1).sum())
