"""Gather packed rows from shards, remove segments from them, and collate them into a batch.

Shapes: B rows, L tokens per row, S segments of all rows, ordered by row and position.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...model.diffusion.batch import Batch
from ...schemas.dataset.layout import ragged
from ...schemas.vocabulary import Modality, Special
from .mix import Ints
from .row_order import Addresses
from .shards import Shards


@dataclass(frozen=True)
class Rows:
    """Packed rows as stored in shards; segments of a row are numbered from 1 in the order of the table."""

    tokens: npt.NDArray[np.unsignedinteger]  # (B, L)
    segment: npt.NDArray[np.unsignedinteger]  # (B, L)
    modality: npt.NDArray[np.uint8]  # (B, L)
    number: Ints  # (B,) number of the row in the plan
    epoch: Ints  # (B,)
    row: Ints  # (S,) index into B
    document: npt.NDArray[np.uint64]  # (S, 2)
    split_key: npt.NDArray[np.uint64]  # (S, 2)
    columns: dict[str, npt.NDArray[Any]]  # (S,) columns of the segment table, as in OpenShard

    def between(self, low: int, high: int) -> "Rows":
        """The rows low ... high - 1."""
        mine = slice(*np.searchsorted(self.row, [low, high]))
        return Rows(
            self.tokens[low:high],
            self.segment[low:high],
            self.modality[low:high],
            self.number[low:high],
            self.epoch[low:high],
            self.row[mine] - low,
            self.document[mine],
            self.split_key[mine],
            {name: column[mine] for name, column in self.columns.items()},
        )

    @property
    def first(self) -> Ints:
        """(B,) index of each row's first entry in a table with an entry for its padding and one for each segment."""
        counts = np.bincount(self.row, minlength=len(self.number)) + 1
        return np.cumsum(counts) - counts

    @property
    def place(self) -> Ints:
        """(S,) index of each segment's entry in that table."""
        return np.arange(len(self.row)) + self.row + 1


def gather(shards: Shards, at: Addresses) -> Rows:
    """Copy rows out of their shards, one shard at a time.

    Args:
        shards: Shards of the plan.
        at: Addresses of the rows; the result has their order.
    """
    by_shard = np.argsort(at.shard, kind="stable")
    numbers, starts = np.unique(at.shard[by_shard], return_index=True)
    matrices: dict[str, Any] = {}
    tables: list[dict[str, Any]] = []
    for number, mine in zip(numbers.tolist(), np.split(by_shard, starts[1:]), strict=True):
        shard, rows = shards.open(number), at.row[mine]
        for name in ("tokens", "segment", "modality"):
            matrix = getattr(shard, name)
            out = matrices.setdefault(name, np.empty((len(at.row), matrix.shape[1]), matrix.dtype))
            out[mine] = matrix[rows]
        first, last = shard.offsets[rows], shard.offsets[rows + 1]
        chosen = ragged(first, last - first)
        table = {name: column[chosen] for name, column in shard.columns.items()}
        keys = {"document": shard.document[chosen], "split_key": shard.split_key[chosen]}
        tables.append(table | {"row": np.repeat(mine, last - first)} | keys)
    table = {name: np.concatenate([part[name] for part in tables]) for name in tables[0]}
    order = np.argsort(table["row"], kind="stable")
    columns = {name: column[order] for name, column in table.items()}
    row, document, split_key = (columns.pop(name) for name in ("row", "document", "split_key"))
    return Rows(
        **matrices,
        number=at.number,
        epoch=at.epoch,
        row=row,
        document=document,
        split_key=split_key,
        columns=columns,
    )


def keep_segments(rows: Rows, kept: npt.NDArray[np.bool_]) -> Rows:
    """Replace segments by padding and renumber the remaining ones.

    Args:
        rows: Packed rows.
        kept: Whether to keep each segment, bool (S,).
    """
    if kept.all():
        return rows
    before: Ints = np.cumsum(kept) - kept
    starts = np.searchsorted(rows.row, np.arange(len(rows.number)))
    new = np.zeros(len(rows.number) + len(kept), rows.segment.dtype)
    new[rows.place] = np.where(kept, before - np.append(before, 0)[starts][rows.row] + 1, 0)
    segment = new[rows.first[:, None] + rows.segment]
    blank = segment == 0
    return replace(
        rows,
        tokens=np.where(blank, rows.tokens.dtype.type(Special.PAD), rows.tokens),
        segment=segment,
        modality=np.where(blank, np.uint8(Modality.SPECIAL), rows.modality),
        row=rows.row[kept],
        document=rows.document[kept],
        split_key=rows.split_key[kept],
        columns={name: column[kept] for name, column in rows.columns.items()},
    )


def collate(rows: Rows, slices: npt.NDArray[np.int16]) -> Batch:
    """Convert rows to the tensors of a batch.

    Args:
        rows: Packed rows.
        slices: Slice of each token id, from `slice_table`.
    """
    starts = np.zeros(len(rows.number) + len(rows.row), np.int32)
    starts[rows.place] = rows.columns["start"]
    position = np.arange(rows.tokens.shape[1], dtype=np.int32) - starts[rows.first[:, None] + rows.segment]
    position[rows.segment == 0] = 0
    columns = rows.columns
    number = rows.place - rows.first[rows.row]
    return Batch(
        tokens_BL=_tensor(rows.tokens, np.int64),
        segment_BL=_tensor(rows.segment, np.int32),
        modality_BL=_tensor(rows.modality, np.uint8),
        position_BL=_tensor(position, np.int32),
        slice_BL=_tensor(slices[rows.tokens], np.int16),
        epoch_B=_tensor(rows.epoch, np.int64),
        row_B=_tensor(rows.number, np.int64),
        row_S=_tensor(rows.row, np.int64),
        number_S=_tensor(number, np.int64),
        start_S=_tensor(columns["start"], np.int64),
        length_S=_tensor(columns["length"], np.int64),
        kind_S=_tensor(columns["kind"], np.uint8),
        source_S=_tensor(columns["source"], np.int32),
        text_bytes_S=_tensor(columns["text_bytes"], np.int64),
        pixels_S=_tensor(columns["pixels"], np.int64),
        samples_S=_tensor(columns["samples"], np.int64),
    )


def _tensor(array: npt.NDArray[Any], dtype: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype))
