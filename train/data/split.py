"""What is held out: documents, told by a hash of their id alone, in whatever dataset and row they lie.

A row holds many documents and a document may lie in several rows, so rows cannot be held out without leaving the
same text on both sides. Instead the segments of held-out documents are padding in the rows that are trained on, and
are packed into rows of their own for validation. The id is all that counts: not the seed of a run, nor the mix, nor
how a dataset was packed. So a document stays held out when datasets are prepared anew with other rows, and what is
held out at a small share is also held out at a larger one.
"""

import numpy as np
import numpy.typing as npt

from .permutation import mix64

SALT = np.uint64(0x7A11DA7E)  # so that the draw has nothing to do with the one that deals documents to shards


def is_held_out(document: npt.NDArray[np.uint64], share: float) -> npt.NDArray[np.bool_]:
    """(S,) whether each segment's document (S, 2) is held out."""
    drawn = mix64(mix64(document[:, 0] ^ SALT) ^ document[:, 1])
    out: npt.NDArray[np.bool_] = drawn < np.uint64(int(share * 2.0**64))
    return out
