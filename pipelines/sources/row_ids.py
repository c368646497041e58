"""Stable ids of rows: of the source's name, the content of the file and the number of the row, never of a path."""

import numpy as np
import pyarrow as pa
import xxhash

from ...schemas.hashing import GOLDEN, mix64
from ...schemas.identity import fingerprint


def row_ids(base: str, rows: np.ndarray) -> pa.Array:
    """Compute stable 128-bit ids of a file's rows.

    Each 64-bit word of the hash of `base` is added to the row number and passed through SplitMix64 (Steele, Lea and
    Flood 2014, https://doi.org/10.1145/2714064.2660195), which is a bijection, so rows of one file never share an id.

    Args:
        base: `Input.base`: what identifies the file.
        rows: (n,) row numbers.
    """
    words = np.frombuffer(xxhash.xxh3_128_digest(base.encode()), "<u8")
    with np.errstate(over="ignore"):
        state = mix64(words[None, :] + (rows.astype(np.uint64)[:, None] + np.uint64(1)) * np.uint64(GOLDEN))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(state.tobytes())])


def text_ids(base: str, rows: np.ndarray, places: np.ndarray) -> pa.Array:
    """Compute the ids of texts of lists, each a sample of its own.

    Args:
        base: `Input.base`: what identifies the file.
        rows: (n,) row numbers.
        places: (n,) place of the text in its row's list; a row's first text has the id of the row.
    """
    ids = np.empty(len(rows), "V16")
    for place in np.unique(places):
        at = places == place
        of = fingerprint(base, int(place)) if place else base
        ids[at] = np.frombuffer(row_ids(of, rows[at]).buffers()[1], "V16")
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(ids.tobytes())])


def document_ids(source: str, table: pa.Table) -> pa.Array:
    """Compute the ids of rows that are files of their own: of their source, their file's label, and their content.

    They do not depend on the files that are read together with them.

    Args:
        source: Name of the source.
        table: Columns `file`, `row`, and the fields of the source.
    """
    names = [name for name in table.column_names if name not in ("file", "row")]
    files = table["file"].to_pylist()
    states = [xxhash.xxh3_128(fingerprint(source, file).encode()) for file in files]
    for name in sorted(names):
        for state, value in zip(states, table[name].cast(pa.binary()), strict=True):
            data = value.as_buffer()
            state.update(b"%d " % (-1 if data is None else data.size))
            state.update(data or b"")
    return pa.array([state.digest() for state in states], pa.binary(16))
