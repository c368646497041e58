"""Columns of an Arrow table that hold lists of texts, or lists of structs with a text in each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.layouts import Items, items_of

Ints = npt.NDArray[np.int64]


def is_list(kind: pa.DataType) -> bool:
    """True for every type of list."""
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view)
    return any(check(kind) for check in (*checks, pa.types.is_large_list_view))


def stored_column(name: str, columns: Sequence[str]) -> str:
    """Return the column of a table that holds `name`, which may be a path such as `conversations[from=gpt].value`."""
    items = None if name in columns else items_of(name)
    return items.column if items else name


def text_type(kind: pa.DataType, name: str, column: str) -> pa.DataType:
    """Return the type of the single texts: of a list its items', of a path that of the field of the items' structs.

    Args:
        kind: Type of the stored column.
        name: Name as the source gives it.
        column: Name of the stored column.

    Returns:
        The type; null when the path leads nowhere.
    """
    inner = kind.value_type if is_list(kind) else kind
    items = items_of(name) if name != column else None
    if items is None:
        return inner
    if not is_list(kind) or not pa.types.is_struct(inner):
        return pa.bool_()  # a type that holds no text, so the column is refused
    place = inner.get_field_index(items.field)
    known = items.key is None or inner.get_field_index(items.key) >= 0
    return inner.field(place).type if place >= 0 and known else pa.bool_()


def text_lists(rows: pa.Table, names: Sequence[str]) -> pa.Array:
    """Return for each row the texts of the first of `names` that has any.

    Args:
        rows: A table.
        names: Columns of strings, of lists of strings, or paths.

    Returns:
        (n,) large lists of bytes, none of them empty and without null items; null for a row without a text.
    """
    parents, texts = np.zeros(0, np.int64), pa.array([], pa.large_binary())
    for name in names:
        column = stored_column(name, rows.column_names)
        parent, text = _flat(rows[column], items_of(name) if name != column else None)
        new = ~np.isin(parent, parents)
        parents = np.concatenate([parents, parent[new]])
        texts = pa.concat_arrays([texts, text.filter(pa.array(new))])
    order = np.argsort(parents, kind="stable")
    counts = np.bincount(parents, minlength=len(rows))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    empty = pa.array(counts == 0)
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), texts.take(pa.array(order)), mask=empty)


def first_texts(lists: pa.Array) -> pa.Array:
    """Return the first text of each list; null for null."""
    return pc.if_else(lists.is_valid(), pc.list_element(pc.fill_null(lists, [b""]), 0), None)


def list_bytes(lists: pa.Array) -> Ints:
    """Return the bytes of all texts of each list; 0 for null."""
    sizes = pc.binary_length(pc.list_flatten(lists)).to_numpy(zero_copy_only=False)
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    return np.bincount(parents, sizes, minlength=len(lists)).astype(np.int64)


def _flat(column: pa.ChunkedArray, items: Items | None) -> tuple[Ints, pa.Array]:
    """Return the row of each text, and the texts, without nulls."""
    whole = column.combine_chunks()
    if is_list(whole.type):
        whole = whole.cast(pa.large_list(whole.type.value_type))
        parents, texts = pc.list_parent_indices(whole).to_numpy(), pc.list_flatten(whole)
    else:
        parents, texts = np.arange(len(whole)), whole
    wanted = np.ones(len(texts), bool)
    if items is not None:
        if items.key is not None:
            key = pc.struct_field(texts, items.key).cast(pa.string())
            wanted = pc.fill_null(pc.equal(key, items.value), False).to_numpy(zero_copy_only=False)
        texts = pc.struct_field(texts, items.field)
    wanted = wanted & texts.is_valid().to_numpy(zero_copy_only=False)
    return parents[wanted], texts.filter(pa.array(wanted)).cast(pa.large_binary())
