"""Lists the dropped rows of a dataset, each with what its source holds there now.

The list is read in batches and never held as a whole. The raw rows of a window of lines are read in one pass over
their files; the windows grow, so that the first lines come at once and a long list needs few passes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count as count_from
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...schemas.dataset.kept import kept_of
from ...schemas.dataset.manifest import Manifest
from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from .find_documents import draw_keys, require_source, smallest
from .raw_rows import RawRows

BATCH = 1 << 14
FIRST_WINDOW, LAST_WINDOW = 64, 1 << 16  # lines whose raw rows are read together


@dataclass(frozen=True)
class DroppedRows:
    """A selection of the dropped rows.

    Attributes:
        counts: Rows by (stage, reason), as the ledger counts them.
        lines: The columns of `dropped.parquet`, and `raw`: what the source holds there, None where it cannot be read.
    """

    counts: Mapping[tuple[str, str], int]
    lines: Iterator[dict[str, Any]]


def dropped_rows(
    dataset: Dataset, reason: str | None, source: str | None, sample: int | None = None, seed: int = 0
) -> DroppedRows:
    """Select dropped rows.

    Args:
        dataset: The dataset.
        reason: Only those dropped for this reason.
        source: Only those of this source or evaluation set.
        sample: Draw so many of them; the same seed draws the same.
        seed: Seed of the draw.

    Raises:
        Refusal: There is no such source, or no row was dropped for the reason.
    """
    counts = _counts(dataset.manifest, reason, source)
    batches = dropped_batches(dataset, reason, source)
    if sample is not None:
        batches = iter([_drawn(batches, sample, seed)])
    return DroppedRows(counts, _with_raw_rows(dataset, batches))


def _counts(manifest: Manifest, reason: str | None, source: str | None) -> dict[tuple[str, str], int]:
    if source is not None and source not in {tally.source for tally in manifest.ledger}:
        require_source(manifest, source)
    counts: dict[tuple[str, str], int] = {}
    for tally in manifest.ledger:
        if source in (None, tally.source):
            for name, rows in tally.dropped.items():
                counts[tally.stage, name] = counts.get((tally.stage, name), 0) + rows
    if reason is None:
        return counts
    found = {key: rows for key, rows in counts.items() if key[1] == reason}
    if not found:
        names = ", ".join(sorted({name for _, name in counts})) or "none: no row was dropped"
        raise Refusal(f"--dropped {reason}: no row was dropped for this reason. The reasons are: {names}.")
    return found


def dropped_batches(
    dataset: Dataset, reason: str | None, source: str | None, file: str | None = None
) -> Iterator[pa.Table]:
    """Read the list of dropped rows piece by piece, those for a reason, of a source and a file; None stands for all."""
    with dataset.verified(dataset.manifest.dropped) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(BATCH):
            table = pa.Table.from_batches([batch])
            for name, value in (("reason", reason), ("source", source), ("file", file)):
                if value is not None:
                    table = table.filter(pc.equal(table[name], value))
            if len(table):
                yield table


def _drawn(batches: Iterator[pa.Table], sample: int, seed: int) -> pa.Table:
    """Draw lines by their numbers; they stay in the order of the list."""
    best, numbers, before = pa.table({}), np.zeros(0, np.uint64), 0
    for batch in batches:
        numbers = np.concatenate([numbers, np.arange(before, before + len(batch), dtype=np.uint64)])
        before += len(batch)
        best = pa.concat_tables([best, batch]) if len(best) else batch
        chosen = np.sort(smallest(draw_keys(numbers, seed), sample))
        best, numbers = best.take(pa.array(chosen)), numbers[chosen]
    return best


def _with_raw_rows(dataset: Dataset, batches: Iterator[pa.Table]) -> Iterator[dict[str, Any]]:
    raw = RawRows(dataset)
    lines = (line for batch in batches for line in batch.to_pylist())
    for step in count_from():
        size = min(FIRST_WINDOW << (2 * min(step, 10)), LAST_WINDOW)
        window = [line for _, line in zip(range(size), lines, strict=False)]
        if not window:
            return
        found = raw.read((line["source"], line["file"], line["row"]) for line in window)
        for line in window:
            kept = {"kept": kept_of(line)} if "kept" in line else {}
            yield line | kept | {"raw": found.get((line["source"], line["file"], line["row"]))}
