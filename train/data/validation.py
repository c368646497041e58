"""Held-out segments, packed into rows of their own for validation."""

from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...model.diffusion.noise_levels import RowPlacement
from ...model.network.slices import slice_table
from ...schemas.dataset.layout import ragged
from ...schemas.hashing import mix64
from ...schemas.vocabulary import Modality, Special
from .collate import Rows, collate
from .loader import MicroBatch
from .mix import Ints
from .plan import Plan
from .shards import Shards
from .split import is_held_out

Table = dict[str, npt.NDArray[Any]]


def validation_batches(
    plan: Plan, shards: Shards, most: int, *, rank: int = 0, world: int = 1, micro_rows: int | None = None
) -> list[MicroBatch]:
    """One process's part of the validation set; every process gets equally many batches of equally many rows.

    Rows hold only held-out segments. Where the processes cannot share the rows evenly, empty rows are added. Row
    numbers and the step number are fixed, so masks are the same every time and two validations differ only by the
    model.

    Args:
        plan: Plan of the run.
        shards: Its shards.
        most: Largest number of rows of each stream.
        rank: Rank of this process.
        world: Number of processes.
        micro_rows: Rows of a batch; None: all rows of the process.

    Returns:
        Batches; empty if nothing is held out.
    """
    table, rows = _table(plan, shards, most)
    if not rows:
        return []
    micro = min(micro_rows or rows, -(-rows // world))
    each = -(-rows // (world * micro)) * micro
    packed = _pack(table, each * world, plan, shards)
    cuts = range(rank * each, (rank + 1) * each, micro)
    slices = slice_table(plan.vocabulary)
    return [
        MicroBatch(
            collate(packed.between(low, low + micro), slices), RowPlacement(0, torch.arange(low, low + micro), rows)
        )
        for low in cuts
    ]


def _table(plan: Plan, shards: Shards, most: int) -> tuple[Table, int]:
    """Held-out segments with their position in validation rows, and the number of these rows.

    They come from the first shards of each stream that hold enough of them. If these hold more than fits, the draw
    follows the documents' content: the longest ones, which would fill the rows best, are no sample of all.
    """
    tables: list[Table] = []
    rows = 0
    firsts = accumulate((len(stream.shards) for stream in plan.streams), initial=0)
    for stream, first in zip(plan.streams, firsts, strict=False):
        table = _held_out_segments(
            shards, range(first, first + len(stream.shards)), plan.validation, most * plan.row_length
        )
        drawn = _drawn(table["length"], table["split_key"], most * plan.row_length)
        row, table["start"] = first_fit(table["length"], plan.row_length, most, drawn)
        table["row"] = np.where(row < 0, -1, row + rows)
        rows = max(rows, int(table["row"].max(initial=-1)) + 1)
        tables.append(table)
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}, rows


def _drawn(lengths: npt.ArrayLike, split_key: npt.NDArray[np.uint64], tokens: int) -> Ints:
    """Numbers of the segments, first those that are drawn until `tokens` are full, the longest of them first."""
    lengths = np.asarray(lengths, np.int64)
    order = np.argsort(mix64(split_key[:, 0] ^ mix64(split_key[:, 1])), kind="stable")
    count = int(np.searchsorted(np.cumsum(lengths[order]), tokens, side="right"))
    first = np.sort(order[:count])
    return np.concatenate([first[np.argsort(-lengths[first], kind="stable")], order[count:]])


def first_fit(lengths: npt.ArrayLike, row_length: int, most: int, order: npt.ArrayLike) -> tuple[Ints, Ints]:
    """Pack segments into the first row with enough room.

    Args:
        lengths: Tokens of each segment.
        row_length: Tokens of a row.
        most: Number of rows.
        order: Numbers of the segments, in which they are placed.

    Returns:
        Row and start of each segment; row -1 if it fits into none.
    """
    lengths = np.asarray(lengths, np.int64)
    row, start = np.full(len(lengths), -1), np.zeros(len(lengths), np.int64)
    room = np.full(most, row_length)
    for segment in np.asarray(order).tolist():
        at = int(np.argmax(room >= lengths[segment]))
        if room[at] >= lengths[segment]:
            row[segment], start[segment] = at, row_length - room[at]
            room[at] -= lengths[segment]
    return row, start


def _held_out_segments(shards: Shards, numbers: range, share: float, tokens: int) -> Table:
    """Held-out segments of the first shards that hold `tokens` tokens of them, and where they are stored."""
    tables: list[Table] = []
    for number in numbers:
        shard = shards.open(number)
        chosen = np.flatnonzero(is_held_out(shard.split_key, share))
        table = {name: column[chosen] for name, column in shard.columns.items()}
        row = np.searchsorted(shard.offsets, chosen, side="right") - 1
        begin = row * shard.tokens.shape[1] + table["start"]
        here = {"shard": np.full(len(chosen), number), "begin": begin}
        keys = {"document": shard.document[chosen], "split_key": shard.split_key[chosen]}
        tables.append(table | here | keys)
        tokens -= int(table["length"].sum())
        if tokens <= 0:
            break
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _pack(table: Table, rows: int, plan: Plan, shards: Shards) -> Rows:
    order = np.lexsort((table["start"], table["row"]))
    order = order[table["row"][order] >= 0]
    table = {name: column[order] for name, column in table.items()}
    row, length = table.pop("row"), table["length"]
    first = np.searchsorted(row, row)  # first segment of the row
    shape = (rows, plan.row_length)
    model = shards.open(int(table["shard"][0]))
    tokens = np.full(shape, Special.PAD, model.tokens.dtype)
    segment = np.zeros(shape, model.segment.dtype)
    modality = np.full(shape, Modality.SPECIAL, np.uint8)
    to = ragged(row * plan.row_length + table["start"], length)
    segment.reshape(-1)[to] = np.repeat(np.arange(len(row)) - first + 1, length)
    for number in np.unique(table["shard"]).tolist():
        shard, mine = shards.open(number), table["shard"] == number
        source = ragged(table["begin"][mine], length[mine])
        target = to[np.repeat(mine, length)]
        tokens.reshape(-1)[target] = shard.tokens.flat(source)
        modality.reshape(-1)[target] = shard.modality.flat(source)
    return Rows(
        tokens=tokens,
        segment=segment,
        modality=modality,
        number=plan.first_rows[-1] + np.arange(rows),
        epoch=np.zeros(rows, np.int64),
        row=row,
        document=table.pop("document"),
        split_key=table.pop("split_key"),
        columns={name: table[name] for name in model.columns},
    )
