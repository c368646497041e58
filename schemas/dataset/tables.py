"""Arrow schemas of the tables between stages: raw rows, tokenized samples, dropped rows."""

from collections.abc import Mapping

import pyarrow as pa

# Origin of a row. `id` is stable: a hash of source name, content of the file and row number.
ORIGIN = [
    pa.field("id", pa.binary(16), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("file", pa.string(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
    pa.field("license", pa.string()),  # missing from raw rows when the source has no licence column
]

# Hashes by which a document is the same in every dataset, whatever its file, row or source: xxh3-128 each. `content` is
# that of the text, or of a sample with media that of the digests of text, image and audio, one after another. `media`
# is that of the picture's bytes, or else of the clip's, and null for texts; captions of one picture have it in common.
CONTENT = [pa.field("content", pa.binary(16), nullable=False), pa.field("media", pa.binary(16))]

# The columns that the run file keeps, as a JSON object; only in datasets of runs that keep columns.
KEPT = pa.field("kept", pa.string())

# After `read` and `normalise`; `image` and `audio` are file bytes, missing when the kind lacks the modality.
RAW = pa.schema(
    [*ORIGIN, *CONTENT, pa.field("text", pa.string()), pa.field("image", pa.binary()), pa.field("audio", pa.binary())]
)


def code_type(size: int) -> pa.DataType:
    """Return the narrowest list type for codes of a codebook of `size` entries; one list per sample."""
    return pa.list_(pa.uint16() if size <= 1 << 16 else pa.uint32())


def sample_schema(sizes: Mapping[str, int], kept: bool = False) -> pa.Schema:
    """Build the schema of samples before packing: the codes of each modality and the raw sizes.

    Codes are null where the kind of a sample lacks the modality.

    Args:
        sizes: Codebook size by modality; the largest where a modality has several codebooks.
        kept: True for samples of a run that keeps columns.
    """
    return pa.schema(
        [
            *ORIGIN,
            *CONTENT,
            *([KEPT] if kept else []),
            pa.field("text", code_type(sizes.get("text", 0))),
            pa.field("image", code_type(sizes.get("image", 0))),
            pa.field("audio", code_type(sizes.get("audio", 0))),  # frame by frame, all levels of a frame together
            pa.field("text_bytes", pa.int64(), nullable=False),
            pa.field("pixels", pa.int64(), nullable=False),  # of the resized image that the codes encode
            pa.field("samples", pa.int64(), nullable=False),  # at the audio tokenizer's sample rate
        ]
    )


# How many rows a line of the dropped rows stands for. Only where some line stands for several; null is one.
ROWS = pa.field("rows", pa.int64())

# A dropped row, the stage that dropped it and the reason. Followed by KEPT in runs that keep columns, which is null
# for a row that could not be read, and by ROWS where rows beyond `limits.ledger_rows` are counted together.
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
