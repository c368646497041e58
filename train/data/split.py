"""The validation split: documents are held out by a hash of their content, in whatever dataset and row they are.

A row holds many documents, and a document may span several rows, so holding out rows would leave the same text on both
sides. Instead, segments of held-out documents become padding in training rows, and are packed into rows of their own
for validation.

The side of a document follows the bytes of its picture or clip, so that all captions of one picture are on one side, or
else its whole text; of a sample with a picture and a clip, it follows the picture. Neither file, row and source nor the
seed of a run, the mix and the packing count. So a document stays held out when datasets are prepared again, and what is
held out at a small share is also held out at a larger one. In datasets of earlier versions, whose segments have no hash
of the content, documents are held out by their ids, as they were then.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.hashing import mix64

SALT = np.uint64(0x7A11DA7E)  # makes the draw independent of the one that assigns documents to shards


def is_held_out(split_key: npt.NDArray[np.uint64], share: float) -> npt.NDArray[np.bool_]:
    """Whether each document is held out.

    Args:
        split_key: Keys of the documents (S, 2), from `split_keys`.
        share: Share of documents to hold out.

    Returns:
        bool (S,).
    """
    if share >= 1:
        return np.ones(len(split_key), bool)
    drawn = mix64(mix64(split_key[:, 0] ^ SALT) ^ split_key[:, 1])
    out: npt.NDArray[np.bool_] = drawn < np.uint64(int(share * 2.0**64))
    return out


def split_keys(segments: pa.StructArray) -> pa.FixedSizeBinaryArray:
    """Return what the side of each document follows: 16 bytes of its media, content or id.

    Args:
        segments: Entries of the segment table.
    """
    if segments.type.get_field_index("content") < 0:
        return segments.field("id")
    return pc.coalesce(segments.field("media"), segments.field("content"))


def key_words(keys: pa.FixedSizeBinaryArray) -> npt.NDArray[np.uint64]:
    """Return a view of 16-byte keys as two 64-bit words each (S, 2)."""
    width = keys.type.byte_width
    raw = np.frombuffer(keys.buffers()[1], np.uint8, len(keys) * width, keys.offset * width)
    return raw.reshape(-1, width).view("<u8")
