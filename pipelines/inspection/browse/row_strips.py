"""Packed rows as strips: which segments fill them, with which modalities, and how much is padding."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ....schemas.dataset.stored_shard import TABLES
from ....schemas.vocabulary import Kind, Modality
from .browsed import BrowsedDataset


@dataclass(frozen=True)
class Strip:
    """One segment in a row: its place, and its codes as (modality, start, length), positions within the row."""

    number: int  # in its row, from 1
    start: int
    length: int
    kind: str
    source: str
    file: str
    row: int  # in `file`
    id: str
    spans: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class RowStrips:
    """One packed row."""

    row: int
    length: int  # tokens, padding included
    filled: int
    strips: tuple[Strip, ...]


def row_strips(dataset: BrowsedDataset, start: int, count: int) -> Iterator[RowStrips]:
    """Yield rows from `start` on, at most `count`; fewer at the end of the dataset."""
    length, row = dataset.manifest.row_length, start
    stop = min(start + count, dataset.rows)
    while row < stop:
        shard = dataset.shard_of(row)
        first = dataset.first_row(shard)
        count = min(stop - row, dataset.shard(shard).rows - (row - first))
        batch = dataset.part(shard, row - first, count, TABLES)
        tables = zip(batch.column("segments").to_pylist(), batch.column("spans").to_pylist(), strict=True)
        for segments, spans in tables:
            strips = tuple(_strip(number, one, spans) for number, one in enumerate(segments, start=1))
            yield RowStrips(row, length, sum(one.length for one in strips), strips)
            row += 1


def _strip(number: int, segment: dict[str, Any], spans: list[dict[str, Any]]) -> Strip:
    mine = tuple(
        (Modality(span["modality"]).name.lower(), span["start"], span["length"])
        for span in spans
        if span["segment"] == number
    )
    return Strip(
        number=number,
        start=segment["start"],
        length=segment["length"],
        kind=str(list(Kind)[segment["kind"]]),
        source=segment["source"],
        file=segment["file"],
        row=segment["row"],
        id=segment["id"].hex(),
        spans=mine,
    )
