"""Arrow schema of packed rows, the content of a shard.

A shard is an uncompressed Arrow IPC file of one record batch. Token-level columns are fixed-size lists, so that a
column is a (rows, row_length) matrix of which a row lies in one piece.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..vocabulary import Vocabulary
from .tables import CONTENT, KEPT

ROW_VERSION = 3
READABLE = (2, ROW_VERSION)  # rows of version 2 have no `content` and no `media`

# One segment: a whole sample, or a piece of a text longer than a row (then `offset` is where the piece begins).
SEGMENT = pa.struct(
    [
        pa.field("id", pa.binary(16), nullable=False),  # document id
        *CONTENT,
        pa.field("source", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("file", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # row number in `file`
        pa.field("license", pa.dictionary(pa.int32(), pa.string())),  # null where the source gives none
        pa.field("kind", pa.uint8(), nullable=False),  # Kind.code
        pa.field("start", pa.int32(), nullable=False),  # position of the task slot in the packed row
        pa.field("length", pa.int32(), nullable=False),  # tokens, task slot included
        pa.field("offset", pa.int64(), nullable=False),  # content tokens of the document before this piece
        pa.field("last", pa.bool_(), nullable=False),  # False: the document continues in another segment
        pa.field("text_bytes", pa.int64(), nullable=False),  # UTF-8 bytes of this segment's text
        pa.field("pixels", pa.int64(), nullable=False),
        pa.field("samples", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class PackedRow:
    """One packed row: three arrays of length row_length, and its segment and span tables."""

    tokens: npt.NDArray[np.unsignedinteger]
    segment: npt.NDArray[np.unsignedinteger]  # 0 is padding, else 1 + index in `segments`
    modality: npt.NDArray[np.uint8]
    segments: list[dict[str, Any]]
    spans: list[dict[str, Any]]


def segment_type(kept: bool = False) -> pa.StructType:
    """Return the type of a segment; `kept` adds the columns that the run keeps, as JSON."""
    return pa.struct([*SEGMENT, KEPT]) if kept else SEGMENT


# A run of codes of one modality within a segment, without its framing tokens.
SPAN = pa.struct(
    [
        pa.field("segment", pa.int32(), nullable=False),  # 1-based, as in the `segment` column
        pa.field("modality", pa.uint8(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
    ]
)


def segment_dtype(row_length: int) -> np.dtype[np.unsignedinteger]:
    """Return the narrowest integer type for segment ids; a segment has at least two tokens."""
    return np.min_scalar_type(row_length // 2)


def row_schema(
    vocabulary: Vocabulary, row_length: int, metadata: dict[str, Any], segment: pa.StructType = SEGMENT
) -> pa.Schema:
    """Build the Arrow schema of a shard.

    Args:
        vocabulary: The id space of the tokens.
        row_length: Tokens per row.
        metadata: More entries for the JSON in the schema's metadata, beside versions, row length and vocabulary.
        segment: Type of a segment, from `segment_type`.
    """
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
        pa.field("segments", pa.list_(pa.field("item", segment, nullable=False)), nullable=False),
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
