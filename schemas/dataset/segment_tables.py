"""Segment tables of shards, read alone: a few kilobytes or megabytes of a shard, without its tokens and its checksum.

For commands that look up a few rows among many shards. Whoever reads tokens uses `Dataset.open`, which computes the
checksum of the shard.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..errors import Refusal
from .file_entry import ShardEntry
from .reader import Dataset

OPEN = 64  # shards whose tables are kept open


class SegmentTables:
    """The segment tables of a dataset, opened on first use."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.of = lru_cache(maxsize=OPEN)(self._open)

    def _open(self, shard: int) -> pa.ListArray:
        """Return the segments of each row of a shard, given its number in the manifest.

        Raises:
            Refusal: The shard is missing or damaged.
        """
        entry = self.dataset.manifest.shards[shard]
        try:
            lists = self._read(entry)
            lists.validate(full=True)  # offsets that lead out of a buffer would end the process
        except (OSError, pa.ArrowException, LookupError, ValueError) as error:
            where = f"{self.dataset.where}/{entry.file}"
            advice = "Restore it, or prepare the dataset again."
            raise Refusal(f"{where}: cannot be read ({error}). {advice}", exit_code=1) from None
        return lists

    def _read(self, entry: ShardEntry) -> pa.ListArray:
        path, name = self.dataset.path(entry), "segments"
        # not mapped: a file that is cut while it is mapped ends the process
        source = pa.OSFile(path) if self.dataset.local else pa.PythonFile(self.dataset.fs.open(path, "rb"), mode="r")
        _require_size(source, entry)
        field = pa.ipc.open_file(source).schema.get_field_index(name)
        alone = pa.ipc.IpcReadOptions(included_fields=[field])  # so that nothing else is read
        return pa.ipc.open_file(source, options=alone).get_batch(0).column(0)

    def rows(self, shard: int, rows: npt.NDArray[np.int64]) -> list[list[dict[str, Any]]]:
        """Return the segments of some rows of a shard, in their order in the row."""
        found: list[list[dict[str, Any]]] = self.of(shard).take(pa.array(rows)).to_pylist()
        return found


def _require_size(source: Any, entry: ShardEntry) -> None:
    if source.size() != entry.bytes:
        raise ValueError(f"{source.size():,} bytes of {entry.bytes:,}")
