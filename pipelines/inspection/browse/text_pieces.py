"""The text of a segment cut where its tokens end."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....tokenizers.protocol import TextTokenizer


class Piece(NamedTuple):
    """One token: its code and its text; a token that holds only a part of a character has that part as hexadecimal."""

    code: int
    text: str
    whole: bool


def text_pieces(tokenizer: TextTokenizer, codes: Sequence[int] | npt.NDArray[np.integer]) -> list[Piece]:
    """Cut the text of some codes into the pieces of each code.

    A tokenizer that keeps every byte gives exact pieces. Of others, each code is decoded alone, so that spaces
    between pieces may be missing.
    """
    values = np.asarray(codes, np.int64)
    data = tokenizer.decode(values).encode("utf-8", "surrogatepass")
    sizes = tokenizer.token_bytes[values] if values.size else np.zeros(0, np.int64)
    if int(sizes.sum()) != len(data):
        return [Piece(int(code), tokenizer.decode(np.array([code])), True) for code in values]
    ends = np.cumsum(sizes).tolist()
    pieces, start = [], 0
    for code, end in zip(values.tolist(), ends, strict=True):
        pieces.append(_piece(code, data[start:end]))
        start = end
    return pieces


def _piece(code: int, data: bytes) -> Piece:
    try:
        return Piece(code, data.decode(), True)
    except UnicodeDecodeError:
        return Piece(code, data.hex(" ").upper(), False)
