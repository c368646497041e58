"""What the manifest says of duplicates; every row of every cluster is in `duplicates.parquet`."""

from typing import Any

import pyarrow as pa
from pydantic import NonNegativeInt, PositiveInt

from ..base import Strict

DUPLICATES_FILE = "duplicates.parquet"

# A row of a cluster. The survivor has no reason; the rows that were dropped say why.
DUPLICATES = pa.schema(
    [
        pa.field("cluster", pa.int64(), nullable=False),  # from 1, the largest of a round first
        pa.field("kind", pa.string(), nullable=False),
        pa.field("judged", pa.string(), nullable=False),  # the halves that were compared
        pa.field("id", pa.binary(16), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),  # UTF-8 bytes, pixels or samples
        pa.field("reason", pa.string()),
        pa.field("excerpt", pa.string()),  # the beginning of its text
    ]
)


class Member(Strict):
    """A row of a cluster."""

    source: str
    file: str
    row: int
    size: int
    reason: str | None
    excerpt: str | None


class Cluster(Strict):
    """One of the largest clusters, with its survivor first and a few of the others."""

    cluster: PositiveInt
    rows: PositiveInt
    examples: tuple[Member, ...]


class DuplicateReport(Strict):
    """Rows of one kind that were judged by the same halves."""

    kind: str
    judged: str
    rows: NonNegativeInt  # that were compared
    near: tuple[dict[str, Any], ...]  # how near duplicates were found
    sizes: dict[int, NonNegativeInt]  # rows of a cluster -> clusters
    dropped: dict[str, NonNegativeInt]  # by reason
    within: dict[str, NonNegativeInt]  # source -> rows dropped for another of the same source
    across: dict[str, dict[str, NonNegativeInt]]  # source -> source of the survivor -> rows dropped
    largest: tuple[Cluster, ...]

    @property
    def clusters(self) -> int:
        """How many there are."""
        return sum(self.sizes.values())
