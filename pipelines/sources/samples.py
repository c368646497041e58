"""From rows to samples: each gets its id, and a list of texts becomes one text, or one sample for each text."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.sources import Source
from .base import RawBatch
from .batches import column_bytes
from .row_ids import document_ids, row_ids, text_ids
from .text_columns import is_list

SEPARATOR = "\n"  # between the texts of a list that are joined


def samples(batches: Iterable[RawBatch], source: Source, base: str, budget: int) -> Iterator[RawBatch]:
    """Turn the rows of a unit into samples.

    Args:
        batches: What a reader yields for the unit.
        source: The source.
        base: `Input.base`: what identifies the unit's content.
        budget: Bytes of a batch; a batch whose rows have several samples each is divided.

    Yields:
        Tables of strings and binaries with a column `id`.
    """
    for batch in batches:
        if source.text_from == "each":
            yield from _each(batch, base, budget)
        else:
            if "file" in batch.table.column_names:
                ids = document_ids(source.name, batch.table)
            else:
                ids = row_ids(base, batch.table["row"].to_numpy())
            yield RawBatch(_with_ids(_one_text(batch.table, source, ids), ids), batch.drops)


def _one_text(table: pa.Table, source: Source, ids: pa.Array) -> pa.Table:
    if not is_list(table["text"].type):
        return table
    lists = table["text"].combine_chunks()
    if source.text_from == "join":
        text = pc.binary_join(lists, SEPARATOR)
    else:
        at = np.zeros(len(lists), np.int64)
        if source.text_from == "random":
            words = np.frombuffer(ids.buffers()[1], "<u8").reshape(-1, 2)
            at = (words[:, 1] % pc.list_value_length(lists).to_numpy().astype(np.uint64)).astype(np.int64)
        starts = np.cumsum(np.r_[0, pc.list_value_length(lists).to_numpy()])[: len(lists)]
        text = pc.list_flatten(lists).take(pa.array(starts + at))
    return table.set_column(table.column_names.index("text"), "text", pa.chunked_array([text]))


def _each(batch: RawBatch, base: str, budget: int) -> Iterator[RawBatch]:
    """Yield a sample for each text; its image and clip are repeated, so the batch is divided by their sizes."""
    lists = batch.table["text"].combine_chunks()
    row = pc.list_parent_indices(lists).to_numpy()
    texts = pc.list_flatten(lists)
    if not len(row):
        ids = row_ids(base, np.zeros(0, np.int64))
        empty = batch.table.set_column(batch.table.column_names.index("text"), "text", pa.chunked_array([texts]))
        yield RawBatch(_with_ids(empty, ids), batch.drops)
        return
    sizes = pc.binary_length(texts).to_numpy().astype(np.int64)
    for name in batch.table.column_names:
        if name not in ("row", "file", "text"):
            sizes += column_bytes(batch.table[name])[row]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    drops, start, ends = batch.drops, 0, np.cumsum(sizes)
    while start < len(row):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + budget, side="right")))
        part = slice(start, stop)
        rows = batch.table.drop_columns("text").take(pa.array(row[part]))
        rows = rows.append_column("text", pa.chunked_array([texts.slice(start, stop - start)]))
        ids = text_ids(base, rows["row"].to_numpy(), place[part])
        yield RawBatch(_with_ids(rows, ids), drops)
        drops, start = [], stop


def _with_ids(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.append_column("id", pa.chunked_array([ids]))
