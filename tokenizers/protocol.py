"""Protocols of the tokenizers: what pipelines, sampler and `show` need from each modality.

Codes are the tokenizer's own ids from 0; the vocabulary adds the offsets of the shared id space. Every tokenizer is a
pure function of its files and arguments: the same input, batch composition and thread count give the same codes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .text.gigatoken_encoder import FastModel

Codes = npt.NDArray[np.uint32]
Pixels = npt.NDArray[np.uint8]
Wave = npt.NDArray[np.float32]
Piece = tuple[bytes, bool]  # bytes of a text, and whether the code is one for a byte that has no other piece; none: b""


class TextTokenizer(Protocol):
    """Converts text to codes and back, exactly."""

    size: int  # codes are 0..size-1
    fingerprint: str  # over weights and config
    token_bytes: npt.NDArray[np.int32]  # (size,) number of UTF-8 bytes of each code
    reference: str  # the library that defines the ids

    @property
    def fast(self) -> "FastModel | None":
        """The same model in gigatoken, loaded on first use; None where the ids could differ."""
        ...

    def encode(self, texts: Sequence[str]) -> tuple[Codes, npt.NDArray[np.int64]]:
        """Return the concatenated codes of all texts, and len(texts)+1 offsets into them."""
        ...

    def pieces(self) -> list[Piece]:
        """What each code stands for; by this, codes of two tokenizers are the same."""
        ...

    def decode(self, codes: npt.ArrayLike) -> str:
        """Decode the codes of a text; incomplete UTF-8 characters become replacement characters."""
        ...


class ImageTokenizer(Protocol):
    """Converts square images to a fixed grid of codes, row-major, and back."""

    size: int  # codebook size
    fingerprint: str
    pixels: int  # side of the image
    tokens: int  # codes per image, a square grid

    def encode(self, pixels: Pixels) -> Codes:
        """Encode (batch, side, side, 3) RGB images to (batch, tokens) codes."""
        ...

    def decode(self, codes: npt.ArrayLike) -> Pixels:
        """Decode (batch, tokens) codes to (batch, side, side, 3) RGB images."""
        ...


class AudioTokenizer(Protocol):
    """Converts mono waves to frames of residual codes and back."""

    sizes: tuple[int, ...]  # codebook size of each level
    fingerprint: str
    sample_rate: int
    frame_rate: float  # frames per second; tokens per second = frame_rate * len(sizes)

    def encode(self, waves: Sequence[Wave]) -> list[Codes]:
        """Encode waves in -1..1 at `sample_rate`, of any length >= 1, to (frames, levels) codes each."""
        ...

    def decode(self, codes: npt.ArrayLike) -> Wave:
        """Decode (frames, levels) codes to one wave at `sample_rate`."""
        ...


Tokenizer = TextTokenizer | ImageTokenizer | AudioTokenizer
