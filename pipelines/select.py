"""Stages that only drop rows leave a mask: pictures and clips are not copied for the sake of the few that go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .engines.base import Engine
from .part import Outcome, Part, count_rows
from .stage import Stage


@dataclass(frozen=True)
class Select:
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
        note = dict(outcome.note) | {"kept": kept.num_rows, "text_bytes": size}
        return Outcome(mask, outcome.dropped, count_rows(self.name, table, outcome), note)


def select(engine: Engine, stage: Stage, parts: Sequence[Part]) -> list[Part]:
    """The parts with what a stage keeps of them, by reference; those of which nothing is left are gone."""
    selected = []
    for part, mask in zip(parts, engine.map(Select(stage), parts), strict=True):
        rows = mask.note["kept"]
        masks = part.masks if rows == part.rows else part.masks + mask.pieces
        note = dict(part.note) | dict(mask.note)
        selected.append(replace(part, key=mask.key, rows=rows, masks=masks, note=note, beside=()))
    return [part for part in selected if part.rows]
