"""Clusters of duplicates, a page at a time, and the pictures and clips of their rows read again from the sources."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ....schemas.dataset.reader import Dataset
from ....schemas.errors import Refusal
from ...sources.streams import Broken
from ..originals import originals
from .differing_words import differing_words
from .media_lock import MEDIA_LOCK

MEMBERS = 12  # of a cluster that are shown on a page of several
READ = 24  # whose media are read again


@dataclass(frozen=True)
class ClusterView:
    """A cluster: its rows with the columns of DUPLICATES, the one that was kept first."""

    number: int
    rows: tuple[dict[str, Any], ...]

    @property
    def survivor(self) -> dict[str, Any]:
        """The row that was kept."""
        return self.rows[0]

    @property
    def kind(self) -> str:
        """Kind of its rows."""
        return str(self.rows[0]["kind"])

    def words(self, row: dict[str, Any]) -> Iterator[tuple[str, bool]]:
        """Yield the words and spaces of a row's excerpt; True for a word that the survivor does not have there."""
        return differing_words(self.survivor["excerpt"] or "", row["excerpt"] or "")


def clusters_page(dataset: Dataset, start: int, count: int) -> list[ClusterView]:
    """Read the clusters `start` to `start + count`, numbered from 1."""
    wanted = (pc.field("cluster") >= start) & (pc.field("cluster") < start + count)
    with dataset.verified(dataset.manifest.duplicates) as stream:
        rows = pq.read_table(stream, filters=wanted).to_pylist()
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["cluster"], []).append(row)
    ordered = (
        (number, sorted(members, key=lambda row: row["reason"] is not None)) for number, members in found.items()
    )
    return [ClusterView(number, tuple(members)) for number, members in sorted(ordered)]


def cluster_media(dataset: Dataset, cluster: ClusterView) -> dict[bytes, bytes]:
    """Read the images, or else the clips, of the first rows of a cluster again, by document id."""
    column = "image" if "image" in cluster.kind else "audio"
    if column not in cluster.kind:
        return {}
    wanted = {row["id"]: (row["source"], row["file"], row["row"]) for row in cluster.rows[:READ]}
    try:
        with MEDIA_LOCK:
            return originals(dataset, wanted, column)
    except (Refusal, OSError, Broken):
        return {}
