"""What a training step costs in floating-point operations, as MFU counts them (P25).

A multiply-add is two operations, a backward pass twice a forward. Attention counts the pairs of tokens that share a
segment, all of them also when causal: with the length L_eff = sum l² / sum l of segments that is
6 N_matmul + 12 depth · width · L_eff a token. The head counts where it is asked, over the slice asked for. What is
computed on padding, or again for want of memory, counts for nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch

from .presets import Shape
from .slices import Slices


class Flops(NamedTuple):
    """Operations of a forward and backward pass."""

    matrices: float  # of the layers
    attention: float
    head: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.matrices + self.attention + self.head


def training_flops(
    shape: Shape, slices: Slices, length_S: torch.Tensor, groups: Iterable[tuple[int, int]], copies: int = 1
) -> Flops:
    """Of segments of these lengths, each `copies` times, and places asked for as in `Inputs.groups`."""
    tokens, pairs = float(length_S.sum()), float((length_S.double() ** 2).sum())
    predicted = sum(count * slices.widths[index] for index, count in groups)
    return Flops(
        matrices=6.0 * shape.matmul * tokens * copies,
        attention=12.0 * shape.depth * shape.width * pairs * copies,
        head=6.0 * shape.width * predicted,
    )
