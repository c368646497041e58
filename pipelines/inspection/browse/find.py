"""Finds segments by their columns and by words of their text, in blocks of rows that are visited in random order.

So the first hits come at once, and the share of hits among the rows visited so far is an unbiased estimate for all.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....schemas.dataset.kept import kept_texts
from ....schemas.dataset.layout import codes_of_span
from ....schemas.vocabulary import Kind, Modality
from .browsed import BrowsedDataset
from .segment_media import SegmentMedia

BLOCK = 256  # rows
REPORT = 0.25  # seconds between reports
AROUND = 120  # characters shown before and after a match


@dataclass(frozen=True)
class Query:
    """What a segment must be; None is no condition."""

    text: str | None = None  # occurs in the decoded text, whatever the case
    source: str | None = None
    kind: str | None = None
    license: str | None = None
    least: int | None = None  # tokens
    most: int | None = None
    column: str | None = None  # a kept column, and a text that its value has in it
    value: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no condition."""
        return all(value is None for value in vars(self).values())


class Hit(NamedTuple):
    """A segment that was found; `before`, `match` and `after` are the text around the match, or its beginning."""

    row: int
    number: int
    before: str
    match: str
    after: str


class SearchReport(NamedTuple):
    """How far a search is: segments found among the rows searched, and the estimate for all rows."""

    rows: int
    of: int
    found: int
    estimate: float
    error: float  # standard error of the estimate; 0 when all rows were searched
    done: bool


def find(media: SegmentMedia, query: Query, seed: int = 0, shown: int = 100) -> Iterator[Hit | SearchReport]:
    """Search a dataset, until all of it was searched or the caller stops.

    Args:
        media: The dataset and its tokenizers.
        query: What is searched.
        seed: Seed of the order of blocks.
        shown: Maximum number of hits to yield; all are counted.
    """
    dataset = media.dataset
    starts, counts = _blocks(dataset)
    found, hits, visited, reported = [], 0, [], 0.0
    for block in np.random.default_rng(seed).permutation(len(starts)).tolist():
        here = 0
        for hit in _in_block(media, query, int(starts[block]), int(counts[block])):
            here += 1
            if hits + here <= shown:
                yield hit
        hits += here
        found.append(here)
        visited.append(int(counts[block]))
        if time.monotonic() - reported > REPORT:
            reported = time.monotonic()
            yield _report(found, visited, dataset.rows, len(starts))
    yield _report(found, visited, dataset.rows, len(starts))


def _blocks(dataset: BrowsedDataset) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First row and number of rows of each block; a block lies in one shard."""
    rows, ends = dataset.shards.rows, dataset.shards.ends
    per_shard = -(-rows // BLOCK)
    shard = np.repeat(np.arange(len(rows)), per_shard)
    place = np.arange(len(shard)) - np.repeat(np.cumsum(per_shard) - per_shard, per_shard)
    starts = (ends - rows)[shard] + place * BLOCK
    return starts, np.minimum(BLOCK, ends[shard] - starts)


def _report(found: list[int], visited: list[int], rows: int, blocks: int) -> SearchReport:
    """Estimate by the ratio of hits to rows; its error follows from how it differs between blocks (Cochran 1977, 6)."""
    hits, seen = np.array(found, np.float64), np.array(visited, np.float64)
    searched, n = int(seen.sum()), len(found)
    done = n == blocks
    ratio = hits.sum() / searched if searched else 0.0
    spread = float(((hits - ratio * seen) ** 2).sum() / (n - 1)) if n > 1 else float("inf")
    error = 0.0 if done else blocks * float(np.sqrt((1 - n / blocks) * spread / n)) if n else float("inf")
    return SearchReport(searched, rows, int(hits.sum()), ratio * rows, error, done)


def _in_block(media: SegmentMedia, query: Query, start: int, count: int) -> Iterator[Hit]:
    dataset = media.dataset
    shard = dataset.shard_of(start)
    part = dataset.part(shard, start - dataset.first_row(shard), count)
    lists = part.column("segments")
    segments, offsets = lists.flatten(), lists.offsets.to_numpy() - lists.offsets[0].as_py()
    at = np.flatnonzero(_fits(segments, query))
    rows = np.searchsorted(offsets, at, side="right") - 1
    numbers = at - offsets[rows] + 1
    if query.text is None:
        yield from (Hit(start + int(row), int(number), "", "", "") for row, number in zip(rows, numbers, strict=True))
        return
    needle = query.text.casefold()
    for row, number, text in _texts(media, part, rows, numbers):
        place = text.casefold().find(needle)
        if place >= 0:
            stop = place + len(query.text)
            before, after = text[max(0, place - AROUND) : place], text[stop : stop + AROUND]
            yield Hit(start + row, number, before, text[place:stop], after)


def _fits(segments: pa.StructArray, query: Query) -> npt.NDArray[np.bool_]:
    fits = np.ones(len(segments), bool)
    names = {field.name for field in segments.type}
    for name in ("source", "license"):
        value = getattr(query, name)
        if value is not None:
            column = segments.field(name).cast(pa.string())
            same = pc.is_null(column) if value == "" else pc.fill_null(pc.equal(column, value), False)
            fits &= same.to_numpy(zero_copy_only=False)
    if query.kind is not None:
        fits &= segments.field("kind").to_numpy() == Kind(query.kind).code
    length = segments.field("length").to_numpy()
    fits &= (length >= (query.least or 0)) & (length <= (query.most or length.max(initial=0)))
    if query.column is not None:
        if "kept" not in names:
            return np.zeros(len(segments), bool)
        values = kept_texts(segments.field("kept"), query.column)
        has = pc.match_substring(values, query.value or "", ignore_case=True)
        fits &= pc.fill_null(has, False).to_numpy(zero_copy_only=False)
    return fits


def _texts(
    media: SegmentMedia, part: pa.RecordBatch, rows: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]
) -> Iterator[tuple[int, int, str]]:
    """Decode the texts of some segments of a block: (row in the block, number of the segment, text)."""
    lists = part.column("spans")
    spans, offsets = lists.flatten(), lists.offsets.to_numpy() - lists.offsets[0].as_py()
    owner = np.repeat(np.arange(len(lists)), np.diff(offsets))
    is_text = spans.field("modality").to_numpy() == Modality.TEXT
    segment, start, length = (spans.field(name).to_numpy() for name in ("segment", "start", "length"))
    place = {(int(owner[i]), int(segment[i])): i for i in np.flatnonzero(is_text).tolist()}
    tokens = part.column("tokens").flatten().to_numpy().reshape(len(part), -1)
    vocabulary = media.dataset.manifest.vocabulary
    for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
        if (row, number) in place:
            i = place[row, number]
            codes = codes_of_span(tokens[row, start[i] : start[i] + length[i]], Modality.TEXT, vocabulary)
            yield row, number, media.decoded_text(codes)
