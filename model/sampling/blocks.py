"""Groups of places that a rule chooses among: the blocks of each segment, or each segment as one block.

Semi-autoregressive sampling is any rule within one block after another (Arriola et al. 2025). A segment of b blocks
gives each the b-th part of the steps, so a step's number says for every block how far it is, however long its segment.

Shapes are named by suffix: S segments, T tokens of all segments, G groups.
"""

from dataclasses import dataclass

import torch

from .canvas import Canvas


@dataclass(frozen=True)
class Blocks:
    """Groups in the order of segments and places."""

    group_T: torch.Tensor  # int64; of places never open: G, which is no group
    size_G: torch.Tensor  # int64; places
    number_G: torch.Tensor  # int64; of the block within its segment, from 0
    blocks_G: torch.Tensor  # int64; blocks of its segment

    @property
    def count(self) -> int:
        """G."""
        return len(self.size_G)

    def progress(self, step: int, steps: int) -> torch.Tensor:
        """(G,) float64: how far each block is after so many steps, from 0 to 1."""
        return (self.blocks_G.double() * (step / steps) - self.number_G).clamp(0, 1)

    def masked_counts(self, masked_T: torch.Tensor) -> torch.Tensor:
        """(G,) places that are open."""
        return torch.bincount(self.group_T[masked_T], minlength=self.count)

    def current(self, masked_T: torch.Tensor) -> torch.Tensor:
        """(G,) bool: the first block of each segment that has an open place."""
        some_G = self.masked_counts(masked_T) > 0
        rank_G = some_G.cumsum(0)
        first_G = torch.arange(self.count, device=masked_T.device) - self.number_G
        before_G = rank_G[first_G] - some_G[first_G].long()
        return some_G & (rank_G == before_G + 1)


def blocks_of(canvas: Canvas, length: int | None) -> Blocks:
    """Cut the open places of each segment into blocks of a length, the last may be shorter; None: one block each."""
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
