"""How often each value of the kept columns occurs, in all rows or in rows drawn at random."""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ....schemas.dataset.kept import kept_texts
from .blocks import draw_blocks
from .browsed import BrowsedDataset

SHOWN = 8  # most frequent values
LONG = 80  # characters of a value that are shown
SAMPLE_ROWS = 4096


@dataclass(frozen=True)
class KeptColumn:
    """Values of one column."""

    name: str
    values: tuple[tuple[str | None, int], ...]  # the most frequent ones, None for documents without it
    others: int  # documents with other values
    distinct: int  # number of other values
    documents: int
    rows: int  # that were looked at
    of: int


def kept_columns(dataset: BrowsedDataset, rows: int = SAMPLE_ROWS) -> list[KeptColumn]:
    """Count the values of the columns that the dataset keeps, over the documents of the sources that keep them."""
    keeping = {each["name"]: each.get("keep") or () for each in dataset.manifest.config["sources"]}
    names = list(dict.fromkeys(name for columns in keeping.values() for name in columns))
    counts: dict[str, Counter[str | None]] = {name: Counter() for name in names}
    seen = 0
    for start, count in draw_blocks(dataset, rows) if names else ():
        shard = dataset.shard_of(start)
        part = dataset.part(shard, start - dataset.first_row(shard), count)
        segments = part.column("segments").flatten()
        first = pc.equal(segments.field("offset"), 0)
        source, kept = segments.field("source").cast(pa.string()).filter(first), segments.field("kept").filter(first)
        for name in names:
            mine = pc.is_in(source, value_set=pa.array([key for key, columns in keeping.items() if name in columns]))
            counts[name].update(kept_texts(kept.filter(mine), name).to_pylist())
        seen += count
    return [_column(name, counts[name], seen, dataset.rows) for name in names if counts[name]]


def _column(name: str, counts: Counter[str | None], rows: int, of: int) -> KeptColumn:
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))[:SHOWN]
    if len(counts) > 2 * SHOWN and shown[0][1] <= 1:
        shown = shown[:3]  # every document has a value of its own
    total = sum(counts.values())
    left = total - sum(count for _, count in shown)
    values = tuple((value if value is None else value[:LONG], count) for value, count in shown)
    return KeptColumn(name, values, left, len(counts) - len(shown), total, rows, of)
