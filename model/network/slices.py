"""What the softmax of a position runs over: the ids of its modality and codebook, and for text EOS before them.

No other special has a class, so that PAD, MASK and structure can never be predicted. Classes of all slices lie one
after another in the rows of the head, in the order of `Vocabulary.slices`; within a slice they count from 0.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from ...schemas.vocabulary import Modality, Special, Vocabulary


@dataclass(frozen=True)
class Slices:
    """By index into `Vocabulary.slices`: the number of classes, and id - class of all but EOS."""

    widths: tuple[int, ...]
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> Self:
        """The slices of a vocabulary; that of the specials has no class."""
        eos = [int(block.modality == Modality.TEXT) for block in vocabulary.slices]
        sizes = [0] + [block.stop - block.start for block in vocabulary.slices[1:]]
        widths = tuple(size + more for size, more in zip(sizes, eos, strict=True))
        offsets = tuple(block.start - more for block, more in zip(vocabulary.slices, eos, strict=True))
        return cls(widths, offsets)

    def class_of(self, tokens: torch.Tensor, slices: torch.Tensor) -> torch.Tensor:
        """Classes of ids, each within the slice of the same place."""
        offsets = torch.tensor(self.offsets, device=tokens.device)
        return torch.where(tokens == Special.EOS, 0, tokens - offsets[slices.long()])

    def token_of(self, classes: torch.Tensor, slice_index: int) -> torch.Tensor:
        """Ids of classes of one slice."""
        tokens = classes + self.offsets[slice_index]
        return torch.where(tokens < self.text_start, Special.EOS, tokens)

    @property
    def text_start(self) -> int:
        """The first id of text, which is the first that is no special."""
        return self.offsets[1] + 1


def slice_table(vocabulary: Vocabulary) -> npt.NDArray[np.int16]:
    """(size,) the slice that each id is predicted in: its own, for EOS that of text, for the other specials none."""
    sizes = [block.stop - block.start for block in vocabulary.slices]
    table = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    table[Special.EOS] = vocabulary.slices.index(vocabulary.slice_of(Modality.TEXT))
    return table
