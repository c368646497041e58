"""The first rows of a source as a run would keep or drop them: read, validated, filtered, and a few decoded."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.filters.union import AnyFilter
from ...schemas.config.run import Limits
from ...schemas.config.sources import Source
from ...schemas.dataset.tables import RAW
from ...schemas.storage.store import Store
from ...tokenizers.audio.decode_clip import BadClip, duration_of, wave_of
from ...tokenizers.image.decode_picture import BadPicture, size_of, square
from ..engines.partition import Outcome, drop_rows
from ..filters.apply import Filters, filters_of
from ..sources.read import Input, ReadUnit
from ..sources.registry import open_source
from ..sources.samples import samples
from .extent import HEAD_BYTES, Found

DECODED = 16  # pictures and clips of a head that are decoded


@dataclass
class Head:
    """What the first rows of a source gave."""

    rows: int = 0  # read, with the dropped ones
    kept: pa.Table = field(default_factory=RAW.empty_table)
    dropped: list[dict[str, Any]] = field(default_factory=list)  # lines of DROPPED
    bytes: int = 0  # texts and media of the rows that were read and not dropped by the reader

    @property
    def reasons(self) -> dict[str, int]:
        """Number of dropped rows by reason, the most frequent first."""
        return dict(Counter(line["reason"] for line in self.dropped).most_common())


def read_head(
    source: Source, parts: tuple[Found, ...], filters: tuple[AnyFilter, ...], limits: Limits, rows: int
) -> Head:
    """Read about `rows` rows of a source, the same number from each part.

    Args:
        source: The source.
        parts: Where to read.
        filters: Filters of the run.
        limits: Limits of the run.
        rows: Number of rows; each part gives at least one.
    """
    head = Head()
    kept = []
    rules = Filters(filters_of(source, filters), limits)
    rows = min(rows, source.limit or rows)
    for part in parts:
        most = max(1, rows // len(parts))
        for outcome in _outcomes(part, limits, most, head):
            head.dropped += outcome.dropped.to_pylist()
            head.bytes += _bytes(outcome.table)
            filtered = rules.run(outcome.table)
            kept.append(filtered.table)
            head.dropped += filtered.dropped.to_pylist()
    if kept:
        head.kept, dropped = _decoded(pa.concat_tables(kept), limits)
        head.dropped += dropped
    return head


def _outcomes(part: Found, limits: Limits, most: int, head: Head) -> Iterator[Outcome]:
    task = ReadUnit(Store("memory://"), limits, HEAD_BYTES)
    reader = open_source(part.source, limits, HEAD_BYTES)
    for unit in part.units:
        unit = replace(unit, most=most if unit.most is None else min(most, unit.most))
        item = Input(part.source, unit, "", 0)
        batches = list(reader.read(unit))
        for batch in samples(batches, part.source, item.base, HEAD_BYTES):
            yield task.outcome(item, batch)
        rows = sum(batch.rows for batch in batches)
        head.rows += rows
        most -= rows
        if most <= 0:
            return


def _decoded(table: pa.Table, limits: Limits) -> tuple[pa.Table, list[dict[str, Any]]]:
    """Decode the first pictures and clips; drops those that cannot be."""
    problems: dict[int, tuple[str, str]] = {}
    for column, decode in (("image", _picture), ("audio", _clip)):
        if column in table.column_names:
            for index, value in enumerate(table[column][:DECODED]):
                try:
                    decode(value.as_py(), limits)
                except (BadPicture, BadClip) as problem:
                    problems.setdefault(index, (problem.reason, problem.detail))
    kept, dropped = drop_rows("decode", table, problems)
    return kept, dropped.to_pylist()


def _picture(data: bytes, limits: Limits) -> None:
    square(data, min(64, *size_of(data)), limits.pixels)


def _clip(data: bytes, limits: Limits) -> None:
    wave_of(data, duration_of(data)[1], limits.seconds)  # at its own rate: torch is not loaded


def _bytes(table: pa.Table) -> int:
    columns = [name for name in ("text", "image", "audio") if name in table.column_names]
    return sum(pc.sum(pc.binary_length(table[name])).as_py() or 0 for name in columns)
