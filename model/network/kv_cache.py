"""Keys and values of a row that are kept from one pass to the next, so that a pass need not go over all of its tokens.

A bidirectional layer changes all keys when one token changes, so what is kept is an approximation: right just after a
pass over the whole row, and off by what has been said since.

Shapes are named by suffix: F tokens of a pass, T tokens of the whole row, H heads, E size of a head.
"""

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa


class KVCache:
    """Takes the place of a mask: layers come to it in their order, over and over."""

    def __init__(self, segment_T: torch.Tensor, layers: int) -> None:
        """`segment_T` numbers the segments of the one row, each of which is a run."""
        _, lengths = torch.unique_consecutive(segment_T, return_counts=True)
        self._lengths: list[int] = lengths.tolist()
        self._kept: list[tuple[torch.Tensor, torch.Tensor] | None] = [None] * layers
        self._run_T = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        self._layer = 0
        self.select_tokens(torch.ones_like(segment_T, dtype=torch.bool))

    def select_tokens(self, fresh_T: torch.Tensor) -> None:
        """Passes from now on are over these tokens (bool) alone; the first pass must be over all."""
        self._fresh_F = fresh_T.nonzero()[:, 0]
        self._counts: list[int] = torch.bincount(self._run_T[fresh_T], minlength=len(self._lengths)).tolist()

    def attend(self, q_BFHE: torch.Tensor, k_BFHE: torch.Tensor, v_BFHE: torch.Tensor) -> torch.Tensor:
        """Attention of the pass's tokens (one row) to all of their segments, with what is new put in its place."""
        kept = self._kept[self._layer]
        keys, values = kept if kept else (torch.empty_like(k_BFHE[0]), torch.empty_like(v_BFHE[0]))
        keys[self._fresh_F], values[self._fresh_F] = k_BFHE[0], v_BFHE[0]
        self._kept[self._layer] = keys, values
        self._layer = (self._layer + 1) % len(self._kept)
        parts = zip(
            torch.split(q_BFHE[0], self._counts), *(torch.split(x, self._lengths) for x in (keys, values)), strict=True
        )
        done = [_attend_segment(*part) for part in parts if len(part[0])]
        return torch.cat(done)[None]


def _attend_segment(q_FHE: torch.Tensor, k_THE: torch.Tensor, v_THE: torch.Tensor) -> torch.Tensor:
    q, k, v = (x.transpose(0, 1)[None] for x in (q_FHE, k_THE, v_THE))
    return sdpa(q, k, v)[0].transpose(0, 1)
