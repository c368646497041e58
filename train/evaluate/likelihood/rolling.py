"""Likelihood of long texts: the bound on the windows that they are split into.

Each token counts once and is predicted only from its own window, so figures depend on the window length and are
reported with it. Bits per byte are all bits over all UTF-8 bytes of the raw text, whatever the tokenizer makes of it.
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
    """Windows of codes, each of which fits into a segment, and the text that each window comes from."""

    codes: list[Codes]
    text: npt.NDArray[np.int64]


def split_windows(tokenizer: TextTokenizer, texts: Sequence[str], longest: int) -> Windows:
    """Split texts into as few windows as possible, of lengths as equal as possible.

    Args:
        tokenizer: Text tokenizer.
        texts: Texts to split.
        longest: Largest number of tokens of a segment, with task token and EOS.
    """
    codes, offsets = tokenizer.encode(texts)
    counts = -(-np.diff(offsets) // (longest - FRAME))
    pieces = [
        np.array_split(codes[start:stop], count) if count else []
        for start, stop, count in zip(offsets[:-1], offsets[1:], counts.tolist(), strict=True)
    ]
    return Windows([window for one in pieces for window in one], np.repeat(np.arange(len(texts)), counts))


def window_bytes(tokenizer: TextTokenizer, windows: Sequence[Codes], text: str) -> npt.NDArray[np.float64]:
    """Bytes of the raw text that each of its windows stands for (W,); their sum is the size of the text.

    They are exact for a tokenizer whose tokens have as many bytes as the text; otherwise the size is distributed in
    proportion to the bytes of the tokens, at least one each.
    """
    weight_W = np.array([np.maximum(tokenizer.token_bytes[window], 1).sum() for window in windows], np.float64)
    sizes: npt.NDArray[np.float64] = weight_W * (len(text.encode()) / weight_W.sum())
    return sizes


def rolling_nats(
    reader: ModelReader, vocabulary: Vocabulary, windows: Sequence[Codes], passes: int = PASSES, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Nats of each window (W,) by the bound, or for an autoregressive model its exact likelihood."""
    if not windows:
        return np.zeros(0)
    canvas = text_canvas([window.tolist() for window in windows], vocabulary, range(len(windows)))
    nats: npt.NDArray[np.float64] = bound(reader, canvas, passes, seed).nats_S.numpy()
    return nats
