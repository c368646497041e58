"""From components to decisions: which rows are duplicates of each other, and which of them is kept.

The survivor of a cluster is the row with the highest `priority`; then, of images, the medoid: the one that was matched
with the most others; then the row with the greatest size, then the smallest id. The largest image of a cluster is often
an unusual one, which only one other resembles; the medoid stands for as many as possible. Samples of one row have the
same image or clip, and each a text of its own: they are no duplicates of each other by their media.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ...schemas.dataset.tables import DROPPED
from ...schemas.vocabulary import Modality
from ..engines.partition import Outcome, drop_rows

CLUSTERS_VERSION = 2
EXACT, NEAR = "exact_duplicate", "near_duplicate"
_KEPT = ("id", "source", "file", "row", "part", "excerpt", "key", "size")


@dataclass(frozen=True)
class Label:
    """Labels the rows that have duplicates with the vertex that names their component."""

    modality: Modality
    name: str = "labels"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version and modality."""
        return [CLUSTERS_VERSION, self.modality.name]

    def run(self, table: pa.Table, components: pa.Table | None = None) -> Outcome:
        """Return the rows that are not alone in their component, with columns `group`, `matches` and `modality`.

        Args:
            table: A part of `Distinct`.
            components: (id, label, matches) rows of the vertices that edges join.
        """
        vertex = table["vertex"].combine_chunks()
        group, matches = vertex, pa.repeat(pa.scalar(0, pa.uint32()), len(vertex))
        if components is not None:
            at = pc.index_in(vertex, value_set=components["id"].combine_chunks())
            group = pc.coalesce(components["label"].combine_chunks().take(at), vertex)
            if self.modality is Modality.IMAGE:
                matches = pc.coalesce(components["matches"].combine_chunks().take(at), matches)
        first = np.asarray(table["first"])
        copies = np.diff(np.r_[np.flatnonzero(first), len(first)])
        together = (np.repeat(copies, copies) > 1) | _joined(vertex, components)
        columns = {name: table[name] for name in _KEPT}
        modality = pa.repeat(pa.scalar(int(self.modality), pa.uint8()), table.num_rows)
        columns |= {"group": group, "matches": matches, "modality": modality}
        return _uncounted(pa.table(columns).filter(pa.array(together)))


def _joined(vertex: pa.Array, components: pa.Table | None) -> npt.NDArray[np.bool_]:
    if components is None:
        return np.zeros(len(vertex), bool)
    return np.asarray(pc.is_in(vertex, value_set=components["id"].combine_chunks()))


@dataclass(frozen=True)
class Combine:
    """Groups rows that must be duplicates in several modalities: those with the same group in each of them.

    Rows come sorted by (id, id), from the labels of all modalities.
    """

    modalities: int
    name: str = "labels-of-all"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version and number of modalities."""
        return [CLUSTERS_VERSION, self.modalities]

    def run(self, table: pa.Table) -> Outcome:
        """Return one row for each that has a label in every modality; its group and key combine those of all."""
        table = table.sort_by([("id", "ascending"), ("modality", "descending")])  # so the size is that of the media
        ids = table["id"].dictionary_encode().combine_chunks().indices.to_numpy()
        counts = np.bincount(ids, minlength=1)
        full = table.filter(pa.array(counts[ids] == self.modalities))
        if not full.num_rows:
            return _uncounted(full)
        one = full.take(np.arange(0, full.num_rows, self.modalities))
        groups = full["group"].to_numpy().reshape(-1, self.modalities)
        keys = np.array(full["key"].to_pylist(), "S16").reshape(-1, self.modalities)
        group = [xxhash.xxh3_64_intdigest(row.tobytes()) for row in groups]
        key = [xxhash.xxh3_128_digest(row.tobytes()) for row in keys]
        one = one.set_column(one.column_names.index("group"), "group", pa.array(group, pa.uint64()))
        return _uncounted(one.set_column(one.column_names.index("key"), "key", pa.array(key, pa.binary(16))))


@dataclass(frozen=True)
class Resolve:
    """Chooses the survivor of every group; rows come sorted by (group, id), each group within one part."""

    judged: str
    priorities: Mapping[str, int]  # source -> priority
    name: str = "duplicates"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version, compared modalities, and priorities."""
        return [CLUSTERS_VERSION, self.judged, dict(self.priorities)]

    def run(self, table: pa.Table) -> Outcome:
        """Return the rows of groups of two or more, survivors first, with null as their `reason`.

        Unless texts are compared, other samples of the survivor's row survive with it, and are left out.
        """
        group = table["group"].to_numpy()
        sources = table["source"].combine_chunks().dictionary_encode()
        levels = np.array([self.priorities[name] for name in sources.dictionary.to_pylist()], np.int64)
        priority = levels[sources.indices.to_numpy()]
        judged = self.judged.split("-")
        order = [-table["size"].to_numpy(), -priority, group]
        if judged[0] == Modality.IMAGE.name.lower():
            order.insert(1, -table["matches"].to_numpy().astype(np.int64))
        table = table.take(np.lexsort(order))  # stable: ties stay sorted by id
        starts = np.r_[True, group[1:] != group[:-1]][: len(group)]
        if Modality.TEXT.name.lower() not in judged:
            alone = starts | ~_same_row(table, np.flatnonzero(starts)[np.cumsum(starts) - 1])
            table, group, starts = table.filter(pa.array(alone)), group[alone], starts[alone]
        sizes = np.diff(np.r_[np.flatnonzero(starts), len(group)])
        survivor = pa.array(np.repeat(np.flatnonzero(starts), sizes))
        exact = pc.equal(table["key"], table["key"].take(survivor))
        reason = pc.if_else(pa.array(starts), pa.scalar(None, pa.string()), pc.if_else(exact, EXACT, NEAR))
        columns = {name: table[name] for name in _KEPT if name != "key"} | {"group": table["group"], "reason": reason}
        columns |= {f"of_{name}": table[name].take(survivor) for name in ("id", "source", "file", "row")}
        return _uncounted(pa.table(columns).filter(pa.array(np.repeat(sizes, sizes) > 1)))


def _same_row(table: pa.Table, other: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """True where a row is of the same row of the same file as the row with the index `other`."""
    same = (pc.equal(table[name], table[name].take(pa.array(other))) for name in ("source", "file", "row"))
    every: npt.NDArray[np.bool_] = np.logical_and.reduce([np.asarray(each) for each in same])
    return every


@dataclass(frozen=True)
class DropDuplicates:
    """Drops the rows of a part that a table of duplicates lists; the table may also list rows of other parts."""

    judged: str
    counted: bool = True

    @property
    def name(self) -> str:
        """Name in the ledger; a source that is compared twice has a line for each comparison."""
        return f"dedup-{self.judged}"

    def identity(self) -> list[Any]:
        """Version."""
        return [CLUSTERS_VERSION]

    def run(self, table: pa.Table, duplicates: pa.Table | None = None) -> Outcome:
        """Drop the duplicates; the detail of a dropped row names the survivor."""
        if duplicates is None:
            return Outcome(table, DROPPED.empty_table())
        gone = duplicates.filter(pc.is_valid(duplicates["reason"]))
        gone = gone.append_column("at", pc.index_in(gone["id"], value_set=table["id"].combine_chunks()))
        lines = gone.filter(pc.is_valid(gone["at"])).select(["at", "reason", "of_source", "of_file", "of_row"])
        reasons = {
            line["at"]: (line["reason"], f"of {line['of_source']}: {line['of_file']}, row {line['of_row']}")
            for line in lines.to_pylist()
        }
        return Outcome(*drop_rows(self.name, table, reasons))


def _uncounted(table: pa.Table) -> Outcome:
    return Outcome(table, DROPPED.empty_table(), note={"bytes": table.nbytes})
