"""Deduplication section of the manifest, and the schema of `duplicates.parquet` with all rows of all clusters."""

from typing import Any

import pyarrow as pa
from pydantic import NonNegativeInt, PositiveInt

from ..base import Strict

DUPLICATES_FILE = "duplicates.parquet"

# One row of a cluster. The survivor has no reason; a dropped row has the reason of the ledger.
DUPLICATES = pa.schema(
    [
        pa.field("cluster", pa.int64(), nullable=False),  # numbered from 1, the largest cluster of a round first
        pa.field("kind", pa.string(), nullable=False),
        pa.field("judged", pa.string(), nullable=False),  # the modalities that were compared
        pa.field("id", pa.binary(16), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),  # UTF-8 bytes, pixels or samples
        pa.field("reason", pa.string()),
        pa.field("excerpt", pa.string()),  # the beginning of the text
    ]
)


class Member(Strict):
    """One row of a cluster."""

    source: str
    file: str
    row: int
    size: int
    reason: str | None
    excerpt: str | None


class Cluster(Strict):
    """One of the largest clusters: its survivor and a few of the dropped rows."""

    cluster: PositiveInt
    rows: PositiveInt
    examples: tuple[Member, ...]


class DuplicateReport(Strict):
    """Duplicates among the rows of one kind that were compared in the same modalities."""

    kind: str
    judged: str
    rows: NonNegativeInt  # rows compared
    near: tuple[dict[str, Any], ...]  # methods and thresholds for near duplicates
    sizes: dict[int, NonNegativeInt]  # rows in a cluster -> number of clusters
    dropped: dict[str, NonNegativeInt]  # by reason
    within: dict[str, NonNegativeInt]  # source -> rows dropped in favour of a row of the same source
    across: dict[str, dict[str, NonNegativeInt]]  # source -> source of the survivor -> rows dropped
    largest: tuple[Cluster, ...]

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return sum(self.sizes.values())
