"""KV cache of a bidirectional model: keys and values that are reused so that a pass need not process all tokens.

In a bidirectional layer all keys change when one token changes, so cached keys are an approximation: exact right after
a pass over the whole row, and outdated by the tokens sampled since.

Shapes are named by suffix: F tokens of a pass, T tokens of the whole row, H heads, E size of a head.
"""

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa


class KVCache:
    """Takes the place of an attention mask. Layers call `attend` in their order, once per pass."""

    def __init__(self, segment_T: torch.Tensor, layers: int) -> None:
        """Create an empty cache.

        Args:
            segment_T: Segment of each token of the single row; segments are contiguous.
            layers: Number of attention layers.
        """
        _, lengths = torch.unique_consecutive(segment_T, return_counts=True)
        self._lengths: list[int] = lengths.tolist()
        self._cached: list[tuple[torch.Tensor, torch.Tensor] | None] = [None] * layers
        self._run_T = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        self._layer = 0
        self.select_tokens(torch.ones_like(segment_T, dtype=torch.bool))

    def select_tokens(self, selected_T: torch.Tensor) -> None:
        """Restrict the following passes to some tokens (bool); the first pass must cover all of them."""
        self._selected_F = selected_T.nonzero()[:, 0]
        self._counts: list[int] = torch.bincount(self._run_T[selected_T], minlength=len(self._lengths)).tolist()

    def attend(self, q_BFHE: torch.Tensor, k_BFHE: torch.Tensor, v_BFHE: torch.Tensor) -> torch.Tensor:
        """Store the keys and values of the pass's tokens, and attend to all tokens of their segments.

        Args:
            q_BFHE: Queries of the selected tokens, a single row.
            k_BFHE: Their keys.
            v_BFHE: Their values.

        Returns:
            Outputs of the selected tokens, (1, F, H, E).
        """
        cached = self._cached[self._layer]
        keys, values = cached if cached else (torch.empty_like(k_BFHE[0]), torch.empty_like(v_BFHE[0]))
        keys[self._selected_F], values[self._selected_F] = k_BFHE[0], v_BFHE[0]
        self._cached[self._layer] = keys, values
        self._layer = (self._layer + 1) % len(self._cached)
        parts = zip(
            torch.split(q_BFHE[0], self._counts), *(torch.split(x, self._lengths) for x in (keys, values)), strict=True
        )
        done = [_attend_segment(*part) for part in parts if len(part[0])]
        return torch.cat(done)[None]


def _attend_segment(q_FHE: torch.Tensor, k_THE: torch.Tensor, v_THE: torch.Tensor) -> torch.Tensor:
    q, k, v = (x.transpose(0, 1)[None] for x in (q_FHE, k_THE, v_THE))
    return sdpa(q, k, v)[0].transpose(0, 1)
