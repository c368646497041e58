"""Hashes of what a row holds, by which a document is the same in every dataset.

An id follows the source's name, the file and the row. The content follows none of them, nor what is made of the row
later: it is taken from the text, the picture and the clip as the row holds them.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import xxhash

MEDIA = ("image", "audio")


def add_content(rows: pa.Table) -> pa.Table:
    """Add the columns `content` and `media` after `id`, see `schemas.dataset.tables.CONTENT`.

    Args:
        rows: Rows with the columns `text` and, as their kind has them, `image` and `audio`.
    """
    parts = [digests(rows[name]) for name in ("text", *MEDIA) if name in rows.column_names]
    content = parts[0]
    media = pa.nulls(len(rows), pa.binary(16))
    if len(parts) > 1:
        content = [xxhash.xxh3_128_digest(b"".join(each)) for each in zip(*parts, strict=True)]
        media = pa.array(parts[1], pa.binary(16))
    at = rows.schema.get_field_index("id") + 1
    rows = rows.add_column(at, pa.field("content", pa.binary(16), nullable=False), pa.array(content, pa.binary(16)))
    return rows.add_column(at + 1, pa.field("media", pa.binary(16)), media)


def digests(column: pa.ChunkedArray) -> list[bytes]:
    """Return the xxh3-128 of each string or binary of a column without nulls; the values are not copied."""
    found: list[bytes] = []
    for chunk in column.chunks:
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].tolist()
        view = memoryview(data or b"")
        found += [xxhash.xxh3_128_digest(view[start:end]) for start, end in pairwise(ends)]
    return found
