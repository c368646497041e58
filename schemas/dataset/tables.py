"""Arrow schemas of the tables that stages hand on: raw rows, tokenized samples, dropped rows."""

from collections.abc import Mapping

import pyarrow as pa

# Where a row came from. `id` is stable: a hash of source name, the file's content and the row's number.
ORIGIN = [
    pa.field("id", pa.binary(16), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("file", pa.string(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
    pa.field("license", pa.string()),  # absent from raw rows where the source names no column for it
]

# After `read` and `normalise`; `image` and `audio` are file bytes, absent where the kind has none.
RAW = pa.schema(
    [*ORIGIN, pa.field("text", pa.string()), pa.field("image", pa.binary()), pa.field("audio", pa.binary())]
)


def code_type(size: int) -> pa.DataType:
    """Codes of a codebook of `size` entries, as narrow as they can be; a list a sample."""
    return pa.list_(pa.uint16() if size <= 1 << 16 else pa.uint32())


def sample_schema(sizes: Mapping[str, int]) -> pa.Schema:
    """A sample before packing: the codes of each modality (null where the kind has none) and its raw sizes.

    `sizes` are the tokenizers' codebook sizes by modality, the largest where there are several.
    """
    return pa.schema(
        [
            *ORIGIN,
            pa.field("text", code_type(sizes.get("text", 0))),
            pa.field("image", code_type(sizes.get("image", 0))),
            pa.field("audio", code_type(sizes.get("audio", 0))),  # frame by frame, all levels of a frame together
            pa.field("text_bytes", pa.int64(), nullable=False),
            pa.field("pixels", pa.int64(), nullable=False),  # of the picture that the codes stand for
            pa.field("samples", pa.int64(), nullable=False),  # at the audio tokenizer's rate
        ]
    )


SAMPLE_COLUMNS = sample_schema({}).names

# A row that went no further, and why.
DROPPED = pa.schema(
    [
        pa.field("stage", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
