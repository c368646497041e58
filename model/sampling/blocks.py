"""Blocks: the groups of positions within which an unmask rule chooses.

In semi-autoregressive sampling any rule is applied to one block after another (Arriola et al. 2025,
https://arxiv.org/abs/2503.09573); otherwise each segment is one block. A segment of b blocks gives each block a b-th of
the steps, so the step number alone determines how far every block is, whatever the length of its segment.

Shapes are named by suffix: S segments, T tokens of all segments, N target positions, G groups (blocks of all segments).
"""

from dataclasses import dataclass

import torch

from .canvas import Canvas


@dataclass(frozen=True)
class Blocks:
    """Blocks of all segments, in the order of segments and positions."""

    group_T: torch.Tensor  # int64; block of each target position; G for all other positions
    size_G: torch.Tensor  # int64; number of positions
    number_G: torch.Tensor  # int64; number of the block within its segment, from 0
    blocks_G: torch.Tensor  # int64; number of blocks in its segment

    @property
    def count(self) -> int:
        """Number of blocks, G."""
        return len(self.size_G)

    def progress(self, step: int, steps: int) -> torch.Tensor:
        """(G,) float64: progress of each block after `step` of `steps` steps, from 0 to 1."""
        return (self.blocks_G.double() * (step / steps) - self.number_G).clamp(0, 1)

    def masked_counts(self, masked_T: torch.Tensor) -> torch.Tensor:
        """(G,) number of masked positions in each block."""
        return torch.bincount(self.group_T[masked_T], minlength=self.count)

    def current(self, masked_T: torch.Tensor) -> torch.Tensor:
        """(G,) bool: whether it is the first block of its segment that has a masked position."""
        some_G = self.masked_counts(masked_T) > 0
        rank_G = some_G.cumsum(0)
        first_G = torch.arange(self.count, device=masked_T.device) - self.number_G
        before_G = rank_G[first_G] - some_G[first_G].long()
        return some_G & (rank_G == before_G + 1)


def blocks_of(canvas: Canvas, length: int | None) -> Blocks:
    """Cut the target positions of each segment into blocks.

    Args:
        canvas: Segments to sample.
        length: Positions per block; the last block of a segment may be shorter. None: one block per segment.
    """
    masked_N = canvas.target_T.nonzero()[:, 0]
    index_N = canvas.index_T[masked_N]
    size_S = torch.bincount(index_N, minlength=len(canvas.key_S))
    blocks_S = -(-size_S // length) if length else (size_S > 0).long()
    first_S = blocks_S.cumsum(0) - blocks_S
    order_N = torch.arange(len(masked_N), device=masked_N.device) - (size_S.cumsum(0) - size_S)[index_N]
    group_N = first_S[index_N] + (order_N // length if length else 0)
    total = int(blocks_S.sum())
    group_T = torch.full_like(canvas.index_T, total)
    group_T[masked_N] = group_N
    segment_G = torch.repeat_interleave(torch.arange(len(size_S), device=masked_N.device), blocks_S)
    return Blocks(
        group_T=group_T,
        size_G=torch.bincount(group_N, minlength=total),
        number_G=torch.arange(total, device=masked_N.device) - first_S[segment_G],
        blocks_G=blocks_S[segment_G],
    )
