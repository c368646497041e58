"""What the pipelines, the sampler and `show` ask of a tokenizer: a few methods a modality.

Codes are the tokenizer's own ids, from 0; offsets into the shared id space belong to the vocabulary. Every
tokenizer is a pure function of its files and arguments: the same input, batch make-up and thread count give
the same codes.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Pixels = npt.NDArray[np.uint8]
Wave = npt.NDArray[np.float32]


class TextTokenizer(Protocol):
    """Text to ids and back, exactly."""

    size: int  # ids are 0..size-1
    fingerprint: str  # over weights and config
    token_bytes: npt.NDArray[np.int32]  # (size,) UTF-8 bytes that each id stands for

    def encode(self, texts: Sequence[str]) -> tuple[Codes, npt.NDArray[np.int64]]:
        """Concatenated codes of all texts, and len(texts)+1 offsets into them."""
        ...

    def decode(self, codes: npt.ArrayLike) -> str:
        """The text of a run of codes; a piece that cuts a character decodes with replacement marks."""
        ...


class ImageTokenizer(Protocol):
    """Square pictures to a fixed grid of codes, row-major, and back."""

    size: int  # codebook size
    fingerprint: str
    pixels: int  # side of the picture
    tokens: int  # codes a picture, a square grid

    def encode(self, pixels: Pixels) -> Codes:
        """(batch, side, side, 3) RGB to (batch, tokens)."""
        ...

    def decode(self, codes: npt.ArrayLike) -> Pixels:
        """(batch, tokens) to (batch, side, side, 3) RGB."""
        ...


class AudioTokenizer(Protocol):
    """Mono waves to frames of residual codes and back."""

    sizes: tuple[int, ...]  # codebook sizes, one a level
    fingerprint: str
    sample_rate: int
    frame_rate: float  # frames a second; tokens a second = frame_rate * len(sizes)

    def encode(self, waves: Sequence[Wave]) -> list[Codes]:
        """Waves in -1..1 at `sample_rate`, any lengths >= 1, to (frames, levels) codes each."""
        ...

    def decode(self, codes: npt.ArrayLike) -> Wave:
        """(frames, levels) codes to one wave at `sample_rate`."""
        ...


Tokenizer = TextTokenizer | ImageTokenizer | AudioTokenizer
