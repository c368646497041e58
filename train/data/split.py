"""The validation split: documents are held out by a hash of their id, in whatever dataset and row they are.

A row holds many documents, and a document may span several rows, so holding out rows would leave the same text on both
sides. Instead, segments of held-out documents become padding in training rows, and are packed into rows of their own
for validation. Only the id counts: not the seed of a run, the mix or the packing. So a document stays held out when
datasets are prepared again with other rows, and what is held out at a small share is also held out at a larger one.
"""

import numpy as np
import numpy.typing as npt

from ...schemas.hashing import mix64

SALT = np.uint64(0x7A11DA7E)  # makes the draw independent of the one that assigns documents to shards


def is_held_out(document: npt.NDArray[np.uint64], share: float) -> npt.NDArray[np.bool_]:
    """Whether each document is held out.

    Args:
        document: Document ids (S, 2), as in `OpenShard`.
        share: Share of documents to hold out.

    Returns:
        bool (S,).
    """
    drawn = mix64(mix64(document[:, 0] ^ SALT) ^ document[:, 1])
    out: npt.NDArray[np.bool_] = drawn < np.uint64(int(share * 2.0**64))
    return out
