"""One segment for a person to look at: its text token by token, its codes, and where it came from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ....schemas.dataset.kept import kept_of
from ....schemas.dataset.layout import codes_of_span
from ....schemas.dataset.packed_row import PackedRow
from ....schemas.errors import Refusal
from ....schemas.vocabulary import Kind, Modality
from ...filters.taken_down import id_array
from .browsed import BrowsedDataset


@dataclass(frozen=True)
class Codes:
    """The codes of one modality of a segment."""

    modality: Modality
    codes: npt.NDArray[np.int64]  # (n,); (frames, levels) of audio
    first_id: int  # the token id of the first code
    start: int  # position in the packed row


@dataclass(frozen=True)
class SegmentDetail:
    """A segment with its origin and its codes by modality."""

    row: int
    number: int  # in its row, from 1
    of: int  # segments in the row
    kind: str
    id: str
    content: str | None
    origin: dict[str, Any]  # source, file, row, license
    kept: dict[str, Any]
    place: dict[str, Any]  # start, length, offset, last, text_bytes, pixels, samples
    codes: dict[Modality, Codes]
    shard: str


def segment_detail(dataset: BrowsedDataset, row: int, number: int) -> SegmentDetail:
    """Read a segment.

    Args:
        dataset: The dataset.
        row: Number of the packed row.
        number: Number of the segment in the row, from 1.

    Raises:
        Refusal: There is no such row or segment.
    """
    packed = dataset.row(row)
    if not 1 <= number <= len(packed.segments):
        raise Refusal(f"segment {number}: row {row} has segments 1 to {len(packed.segments)}. Choose one of these.")
    segment = packed.segments[number - 1]
    content = segment.get("content")
    return SegmentDetail(
        row=row,
        number=number,
        of=len(packed.segments),
        kind=str(list(Kind)[segment["kind"]]),
        id=segment["id"].hex(),
        content=content.hex() if content else None,
        origin={name: segment[name] for name in ("source", "file", "row", "license")},
        kept=kept_of(segment),
        place={name: segment[name] for name in PLACE},
        codes=_codes(dataset, packed, number),
        shard=dataset.shards[dataset.shard_of(row)].file,
    )


PLACE = ("start", "length", "offset", "last", "text_bytes", "pixels", "samples")


def _codes(dataset: BrowsedDataset, packed: PackedRow, number: int) -> dict[Modality, Codes]:
    found: dict[Modality, Codes] = {}
    for span in packed.spans:
        if span["segment"] == number and span["length"]:
            modality = Modality(span["modality"])
            ids = packed.tokens[span["start"] : span["start"] + span["length"]]
            codes = codes_of_span(ids, modality, dataset.manifest.vocabulary)
            found[modality] = Codes(modality, codes, int(ids[0]), span["start"])
    return found


def cluster_of(dataset: BrowsedDataset, document: str) -> int | None:
    """Return the number of the cluster of duplicates that a document survived; None if it had no duplicates."""
    if not any(report.clusters for report in dataset.manifest.dedup):
        return None
    with dataset.verified(dataset.manifest.duplicates) as stream:
        rows = pq.read_table(stream, columns=["cluster"], filters=pc.field("id") == id_array([document])[0])
    return int(rows["cluster"][0].as_py()) if len(rows) else None
