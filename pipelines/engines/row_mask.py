"""Stages that only drop rows leave a mask: pictures and clips are not copied for the sake of the few that go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ...schemas.identity import fingerprint
from .base import Engine
from .partition import Outcome, Partition, count_rows
from .stage import Stage


@dataclass(frozen=True)
class RowMask:
    """A stage on RAW rows whose outcome is committed as the mask of the rows it kept."""

    stage: Stage
    counted: bool = True

    @property
    def name(self) -> str:
        """The stage's."""
        return self.stage.name

    def identity(self) -> Any:
        """The stage's."""
        return self.stage.identity()

    def run(self, table: pa.Table, *beside: pa.Table) -> Outcome:
        """One boolean a row; the note has what `read` notes of a part, counted anew."""
        outcome: Outcome = self.stage.run(table, *beside)
        kept = outcome.table
        mask = pa.table({"kept": pc.is_in(table["id"], value_set=kept["id"].combine_chunks())})
        size = pc.sum(pc.binary_length(kept["text"])).as_py() or 0
        digest = xxhash.xxh3_128_hexdigest(np.asarray(mask["kept"]).tobytes())
        note = dict(outcome.note) | {"kept": kept.num_rows, "text_bytes": size, "mask": digest}
        return Outcome(mask, outcome.dropped, count_rows(self.name, table, outcome), note)


def mask_rows(engine: Engine, stage: Stage, parts: Sequence[Partition]) -> list[Partition]:
    """The parts with what a stage keeps of them, by reference, and what it noted of them.

    A part's key follows from the rows that are left, so a change of the stage that drops no other rows costs nothing
    after it.
    """
    selected = []
    for part, mask in zip(parts, engine.map(RowMask(stage), parts), strict=True):
        left = replace(part, beside=(), note=dict(part.note) | dict(mask.note))
        if left.note["kept"] < part.rows:
            key = fingerprint("select", part.key, left.note["mask"])
            left = replace(left, key=key, rows=left.note["kept"], masks=part.masks + mask.pieces)
        selected.append(left)
    return selected
