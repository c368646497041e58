"""Arrow schemas of the tables that stages hand on: raw rows, tokenized samples, dropped rows."""

import pyarrow as pa

SAMPLE_VERSION = 1

# Where a row came from. `id` is stable: a hash of source name, the file's content and the row's number.
ORIGIN = [
    pa.field("id", pa.binary(16), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("file", pa.string(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
]

# After `read` and `normalise`; `image` and `audio` are file bytes, absent where the kind has none.
RAW = pa.schema(
    [*ORIGIN, pa.field("text", pa.string()), pa.field("image", pa.binary()), pa.field("audio", pa.binary())]
)

# A sample before packing: the codes of each modality (null where the kind has none) and its raw sizes.
SAMPLE = pa.schema(
    [
        *ORIGIN,
        pa.field("text", pa.list_(pa.uint32())),
        pa.field("image", pa.list_(pa.uint32())),
        pa.field("audio", pa.list_(pa.uint32())),  # frame by frame, all levels of a frame together
        pa.field("text_bytes", pa.int64(), nullable=False),
        pa.field("pixels", pa.int64(), nullable=False),  # of the picture that the codes stand for
        pa.field("samples", pa.int64(), nullable=False),  # at the audio tokenizer's rate
    ],
    metadata={"triptych.sample": str(SAMPLE_VERSION)},
)

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
