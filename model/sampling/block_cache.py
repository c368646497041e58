"""Block cache: sample block after block without processing the rest of the row in every step (approximate).

This is the prefix and suffix cache of Fast-dLLM (Wu et al. 2025, https://arxiv.org/abs/2505.22618). The first pass of a
block processes the whole row and keeps its keys and values. Later passes process only the positions that were queried
in that pass, until another position is queried. All other positions keep the states of the block's beginning: their
tokens do not change while the block is sampled, but their states do not take in the tokens sampled in it. So the first
pass of a block is exact, and later ones are close to exact.

Shapes are named by suffix: B rows, L tokens per row, T tokens of all rows, N queried positions.
"""

from dataclasses import replace

import torch

from ..network.inputs import Frames, Inputs
from ..network.kv_cache import KVCache
from ..network.transformer import Transformer


class BlockCache:
    """A `PredictLogits` for one call of `sample`; it recognises a row by its layout, so use a new one for each call."""

    def __init__(self, model: Transformer) -> None:
        self._model = model
        self._layout = torch.empty(0)
        self._block_T = torch.empty(0)  # bool; positions that were queried in the last full pass
        self._kv_cache: KVCache | None = None

    def __call__(self, inputs: Inputs) -> list[torch.Tensor]:
        """float32 logits (n, C) for each of `inputs.groups`."""
        inputs = self._model.arrange(inputs)
        rows = torch.arange(len(inputs.tokens_BL), device=inputs.tokens_BL.device)[:, None]
        segment_T = (inputs.segment_BL + rows * (inputs.segment_BL.max() + 1)).flatten()
        layout = torch.stack((segment_T, inputs.position_BL.flatten(), inputs.slice_BL.flatten()))
        reusable = torch.equal(layout, self._layout) and bool(self._block_T[inputs.query_N].all())
        if self._kv_cache is None or not reusable:
            self._kv_cache = KVCache(segment_T, len(self._model.blocks))
            selected_T = torch.ones_like(segment_T, dtype=torch.bool)
            self._layout, self._block_T = layout, torch.zeros_like(selected_T)
            self._block_T[inputs.query_N] = True
        else:
            selected_T = self._block_T
            self._kv_cache.select_tokens(selected_T)
        parts = self._model.hidden_states(_subset(inputs, segment_T, selected_T), self._kv_cache)
        counts = [count for _, count in inputs.groups]
        pairs = zip(inputs.groups, torch.split(parts, counts), strict=True)
        return [self._model.head.logits(h_ND, index) for (index, _), h_ND in pairs]


def _subset(inputs: Inputs, segment_T: torch.Tensor, selected_T: torch.Tensor) -> Inputs:
    """The same queries with only the selected tokens (bool), as a single row."""
    number_T = selected_T.cumsum(0) - 1
    frames = inputs.frames
    if frames is not None:
        there_P = selected_T[frames.at_P]
        frames = Frames(number_T[frames.at_P[there_P]], frames.rest_PJ[there_P])
    return replace(
        inputs,
        tokens_BL=inputs.tokens_BL.flatten()[selected_T][None],
        segment_BL=segment_T[selected_T][None],
        position_BL=inputs.position_BL.flatten()[selected_T][None],
        slice_BL=inputs.slice_BL.flatten()[selected_T][None],
        query_N=number_T[inputs.query_N],
        frames=frames,
    )
