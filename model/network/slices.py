"""Slices: the ids that the softmax of a position runs over.

A position's slice holds the ids of its modality and codebook; the text slice also holds EOS, as class 0. No other
special token has a class, so PAD, MASK and structural tokens can never be predicted. The classes of all slices follow
one another in the rows of the head, in the order of `Vocabulary.slices`; within a slice they are counted from 0.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from ...schemas.vocabulary import Modality, Special, Vocabulary


@dataclass(frozen=True)
class Slices:
    """By index into `Vocabulary.slices`: the number of classes, and id - class for all ids but EOS."""

    widths: tuple[int, ...]
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> Self:
        """The slices of a vocabulary; the slice of the special tokens has no classes."""
        eos = [int(block.modality == Modality.TEXT) for block in vocabulary.slices]
        sizes = [0] + [block.stop - block.start for block in vocabulary.slices[1:]]
        widths = tuple(size + more for size, more in zip(sizes, eos, strict=True))
        offsets = tuple(block.start - more for block, more in zip(vocabulary.slices, eos, strict=True))
        return cls(widths, offsets)

    def class_of(self, tokens: torch.Tensor, slices: torch.Tensor) -> torch.Tensor:
        """Classes of token ids, each counted within the slice of the same position."""
        offsets = torch.tensor(self.offsets, device=tokens.device)
        return torch.where(tokens == Special.EOS, 0, tokens - offsets[slices.long()])

    def token_of(self, classes: torch.Tensor, slice_index: int) -> torch.Tensor:
        """Token ids of classes of one slice."""
        tokens = classes + self.offsets[slice_index]
        return torch.where(tokens < self.text_start, Special.EOS, tokens)

    @property
    def starts(self) -> tuple[int, ...]:
        """The row of the head of the first class of each slice."""
        return tuple(accumulate(self.widths[:-1], initial=0))

    @property
    def text_start(self) -> int:
        """The first text id, which is the first id that is not a special token."""
        return self.offsets[1] + 1


def audio_slices(vocabulary: Vocabulary) -> range:
    """Indices into `Vocabulary.slices` of the audio codebooks, which are the last ones; empty without audio."""
    return range(len(vocabulary.slices) - len(vocabulary.audio), len(vocabulary.slices))


def slice_table(vocabulary: Vocabulary) -> npt.NDArray[np.int16]:
    """For each id the slice that predicts it, int16 (size,).

    That is its own slice; for EOS the text slice, and for the other special tokens 0 (none).
    """
    sizes = [block.stop - block.start for block in vocabulary.slices]
    table = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    table[Special.EOS] = vocabulary.slices.index(vocabulary.slice_of(Modality.TEXT))
    return table
