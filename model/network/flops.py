"""Floating-point operations of a training step, counted as for model FLOPs utilization (MFU).

A multiply-add counts as two operations, and a backward pass as two forward passes. Attention counts all pairs of tokens
of a segment, also when it is causal: with L_eff = sum l^2 / sum l over segments of length l, the model costs 6 N_matmul
+ 12 depth * width * L_eff per token. The head counts only at queried positions, over the slice of each. Padding and
recomputed activations do not count.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch

from .presets import Shape
from .slices import Slices


class Flops(NamedTuple):
    """Operations of a forward and a backward pass."""

    matrices: float  # matrix products of the layers
    attention: float
    head: float

    @property
    def total(self) -> float:
        """Sum over all parts of the model."""
        return self.matrices + self.attention + self.head


def training_flops(
    shape: Shape, slices: Slices, length_S: torch.Tensor, groups: Iterable[tuple[int, int]], copies: int = 1
) -> Flops:
    """Count the operations of training on segments.

    Args:
        shape: Shape of the transformer.
        slices: Slices of the vocabulary.
        length_S: Positions of each segment.
        groups: (slice, number of queries) as in `Inputs.groups`, over all copies.
        copies: Times that each segment goes through the model (2 with anti-masking).
    """
    tokens, pairs = float(length_S.sum()), float((length_S.double() ** 2).sum())
    predicted = sum(count * slices.widths[index] for index, count in groups)
    return Flops(
        matrices=6.0 * shape.matmul * tokens * copies,
        attention=12.0 * shape.depth * shape.width * pairs * copies,
        head=6.0 * shape.width * predicted,
    )


def segment_positions(segment_BL: torch.Tensor) -> torch.Tensor:
    """Number of positions of each segment of all rows (S,), from `Inputs.segment_BL`, copies one after another."""
    row_B1 = torch.arange(len(segment_BL), device=segment_BL.device)[:, None]
    number_BL = segment_BL + row_B1 * (int(segment_BL.max()) + 1)
    counts = torch.bincount(number_BL[segment_BL > 0])
    return counts[counts > 0]
