"""Asking a model block after block, without going over what lies outside the block each time (Wu et al. 2025).

When a block begins, a pass goes over all of the row and keeps its keys and values. Passes after it are over the places
that were open then, until a place is asked for that was not. Whatever else the row holds is seen as it was when the
block began: earlier blocks are said and later ones masked all the while, but their states do not learn what is said in
this one. So the first pass of a block is exact and those after it nearly so.

Shapes are named by suffix: B rows, L tokens of a row, T tokens of all rows, N places asked for.
"""

from dataclasses import replace

import torch

from ..network.inputs import Inputs
from ..network.kv_cache import KVCache
from ..network.transformer import Transformer


class BlockCache:
    """`ask` of a sampler; of one run of it, since it knows a row by its layout."""

    def __init__(self, model: Transformer) -> None:
        self._model = model
        self._layout = torch.empty(0)
        self._block_T = torch.empty(0)  # bool; places that were asked for in the last whole pass
        self._kv_cache: KVCache | None = None

    def __call__(self, inputs: Inputs) -> list[torch.Tensor]:
        """Logits of each group."""
        rows = torch.arange(len(inputs.tokens_BL), device=inputs.tokens_BL.device)[:, None]
        segment_T = (inputs.segment_BL + rows * (inputs.segment_BL.max() + 1)).flatten()
        layout = torch.stack((segment_T, inputs.position_BL.flatten(), inputs.slice_BL.flatten()))
        known = torch.equal(layout, self._layout) and bool(self._block_T[inputs.query_N].all())
        if self._kv_cache is None or not known:
            self._kv_cache = KVCache(segment_T, len(self._model.blocks))
            fresh_T = torch.ones_like(segment_T, dtype=torch.bool)
            self._layout, self._block_T = layout, torch.zeros_like(fresh_T)
            self._block_T[inputs.query_N] = True
        else:
            fresh_T = self._block_T
            self._kv_cache.select_tokens(fresh_T)
        parts = self._model.read(_subset(inputs, segment_T, fresh_T), self._kv_cache)
        counts = [count for _, count in inputs.groups]
        pairs = zip(inputs.groups, torch.split(parts, counts), strict=True)
        return [self._model.head.logits(h_ND, index) for (index, _), h_ND in pairs]


def _subset(inputs: Inputs, segment_T: torch.Tensor, fresh_T: torch.Tensor) -> Inputs:
    """The same question to some places (bool) as one row."""
    number_T = fresh_T.cumsum(0) - 1
    return replace(
        inputs,
        tokens_BL=inputs.tokens_BL.flatten()[fresh_T][None],
        segment_BL=segment_T[fresh_T][None],
        position_BL=inputs.position_BL.flatten()[fresh_T][None],
        slice_BL=inputs.slice_BL.flatten()[fresh_T][None],
        query_N=number_T[inputs.query_N],
    )
