"""The packed row: what a shard holds and a trainer memory-maps.

A shard is an uncompressed Arrow IPC file of one record batch. Token-level columns are fixed-size lists, so the
whole column is one (rows, row_length) matrix over the memory map and a row costs nothing to reach.
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from ..vocabulary import Vocabulary

ROW_VERSION = 2

# One segment: a whole sample, or a piece of a text longer than a row (then `offset` says where it was cut).
SEGMENT = pa.struct(
    [
        pa.field("id", pa.binary(16), nullable=False),  # document id
        pa.field("source", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("file", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # the row of `file` that it came from
        pa.field("license", pa.dictionary(pa.int32(), pa.string())),  # null where its source says none
        pa.field("kind", pa.uint8(), nullable=False),  # Kind.code
        pa.field("start", pa.int32(), nullable=False),  # of the task slot, in the packed row
        pa.field("length", pa.int32(), nullable=False),  # tokens, task slot included
        pa.field("offset", pa.int64(), nullable=False),  # content tokens of the document before this piece
        pa.field("last", pa.bool_(), nullable=False),  # False: the document goes on in another segment
        pa.field("text_bytes", pa.int64(), nullable=False),  # UTF-8 bytes that this segment's text stands for
        pa.field("pixels", pa.int64(), nullable=False),
        pa.field("samples", pa.int64(), nullable=False),
    ]
)

# A run of codes of one modality within a segment, frames outside.
SPAN = pa.struct(
    [
        pa.field("segment", pa.int32(), nullable=False),  # 1-based, as in the `segment` column
        pa.field("modality", pa.uint8(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
    ]
)


def segment_dtype(row_length: int) -> np.dtype[np.unsignedinteger]:
    """The narrowest type for segment ids: a segment is a task slot and at least one token."""
    return np.min_scalar_type(row_length // 2)


def row_schema(vocabulary: Vocabulary, row_length: int, metadata: dict[str, Any]) -> pa.Schema:
    """The schema of a shard, with its contract in the metadata."""
    matrix = [
        ("tokens", vocabulary.dtype),
        ("segment", segment_dtype(row_length)),  # 0 is padding, else 1 + the index in `segments`
        ("modality", np.dtype(np.uint8)),
    ]
    fields = [
        pa.field(
            name, pa.list_(pa.field("item", pa.from_numpy_dtype(dtype), nullable=False), row_length), nullable=False
        )
        for name, dtype in matrix
    ]
    fields += [
        pa.field("segments", pa.list_(pa.field("item", SEGMENT, nullable=False)), nullable=False),
        pa.field("spans", pa.list_(pa.field("item", SPAN, nullable=False)), nullable=False),
    ]
    contract = {
        "row_version": ROW_VERSION,
        "row_length": row_length,
        "vocabulary": vocabulary.model_dump(mode="json"),
        "vocabulary_fingerprint": vocabulary.fingerprint,
        **metadata,
    }
    return pa.schema(fields, metadata={"triptych": json.dumps(contract, sort_keys=True)})
