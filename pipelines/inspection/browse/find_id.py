"""Finds the segments of a document by its id."""

from ....schemas.dataset.locate import segments_of_id
from ....schemas.dataset.segment_tables import SegmentTables
from .browsed import BrowsedDataset


def find_id(dataset: BrowsedDataset, document: bytes) -> list[tuple[int, int]]:
    """Find the segments of a document by its 16-byte id, in the order of its pieces, as (row, segment).

    Raises:
        Refusal: A shard is damaged.
    """
    found = segments_of_id(SegmentTables(dataset), document)
    return [(dataset.first_row(one.shard) + one.row, one.number) for one in found]
