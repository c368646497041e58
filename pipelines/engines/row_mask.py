"""Commits the result of stages that only drop rows as a mask, so that images and audio are not copied."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ...schemas.identity import fingerprint
from .partition import Outcome, Partition, count_rows
from .stage import Stage


@dataclass(frozen=True)
class RowMask:
    """Wraps a stage on RAW rows: its result is committed as a mask of the kept rows."""

    stage: Stage
    counted: bool = True

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.stage.name

    def identity(self) -> Any:
        """The stage's identity."""
        return self.stage.identity()

    def run(self, table: pa.Table, *beside: pa.Table) -> Outcome:
        """Return one boolean per row; the note counts the remaining rows and bytes, as `read` does for a part."""
        outcome: Outcome = self.stage.run(table, *beside)
        kept = outcome.table
        mask = pa.table({"kept": pc.is_in(table["id"], value_set=kept["id"].combine_chunks())})
        size = pc.sum(pc.binary_length(kept["text"])).as_py() or 0
        digest = xxhash.xxh3_128_hexdigest(np.asarray(mask["kept"]).tobytes())
        note = dict(outcome.note) | {"kept": kept.num_rows, "text_bytes": size, "mask": digest}
        return Outcome(mask, outcome.dropped, count_rows(self.name, table, outcome), note)


def masked(part: Partition, mask: Partition) -> Partition:
    """Return a partition with the rows that a mask leaves.

    Its key depends on the rows that remain, so a change of the stage that drops the same rows does not invalidate later
    stages.

    Args:
        part: The partition.
        mask: The result of `RowMask` for it.

    Returns:
        The partition, by reference, with the mask and the note of the stage.
    """
    left = replace(part, beside=(), note=dict(part.note) | dict(mask.note))
    if left.note["kept"] < part.rows:
        key = fingerprint("select", part.key, left.note["mask"])
        left = replace(left, key=key, rows=left.note["kept"], masks=part.masks + mask.pieces)
    return left
