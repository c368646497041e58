"""How well a model predicts long texts: the bound on windows that they are cut into.

Each token counts once, and is seen with its own window alone, so that figures depend on the window and are given with
it. Bits per byte are all nats over all UTF-8 bytes of the raw text, never a constant: a token stands for as many bytes
as its tokenizer says, and an end of text for none.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....schemas.vocabulary import Vocabulary
from ....tokenizers.protocol import Codes, TextTokenizer
from .bound import PASSES, bound
from .reader import ModelReader
from .text_segments import FRAME, text_canvas


class Windows(NamedTuple):
    """Runs of codes, each of which fits into a segment, and which of the texts each is of."""

    codes: list[Codes]
    text: npt.NDArray[np.int64]


def split_windows(tokenizer: TextTokenizer, texts: Sequence[str], longest: int) -> Windows:
    """Cut texts into as few windows as can be, as even as can be, for segments of at most `longest` tokens."""
    codes, offsets = tokenizer.encode(texts)
    counts = -(-np.diff(offsets) // (longest - FRAME))
    pieces = [
        np.array_split(codes[start:stop], count) if count else []
        for start, stop, count in zip(offsets[:-1], offsets[1:], counts.tolist(), strict=True)
    ]
    return Windows([window for one in pieces for window in one], np.repeat(np.arange(len(texts)), counts))


def rolling_nats(
    reader: ModelReader, vocabulary: Vocabulary, windows: Sequence[Codes], passes: int = PASSES, seed: int = 0
) -> npt.NDArray[np.float64]:
    """(W,) nats of each window by the bound, or for an autoregressive model its exact likelihood."""
    if not windows:
        return np.zeros(0)
    canvas = text_canvas([window.tolist() for window in windows], vocabulary, range(len(windows)))
    nats: npt.NDArray[np.float64] = bound(reader, canvas, passes, seed).nats_S.numpy()
    return nats
