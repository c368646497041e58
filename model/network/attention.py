"""Attention within segments: no token sees another segment of its row, nor padding.

Three ways give the same. `dense` is the reference: one mask for all pairs of a row. `flex` is for GPUs: FlexAttention
skips the blocks of pairs that no segment joins. `split` is for CPUs: each segment by itself, no mask at all; on rows of
4,096 with segments of 400 it takes a tenth of dense's time. What a batch needs for it is made once, for all layers.

Shapes are named by suffix: B rows, L tokens, H heads, E size of a head, K blocks of a row.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from torch.nn.functional import scaled_dot_product_attention as sdpa

from .kv_cache import KVCache

BLOCK = 128  # tokens; FlexAttention's own block

AttentionBackend = Literal["dense", "flex", "split"]


@dataclass(frozen=True)
class DenseMask:
    """May a query see a key?"""

    mask_B1LL: torch.Tensor


@dataclass(frozen=True)
class SplitMask:
    """Lengths of the runs that a batch's tokens fall into, in order, and whether each is a segment or padding."""

    runs: tuple[tuple[int, bool], ...]
    causal: bool


Mask = DenseMask | SplitMask | BlockMask | KVCache


def segment_mask(segment_BL: torch.Tensor, causal: bool, backend: AttentionBackend | None = None) -> Mask:
    """The mask of a batch; without a `way`, the quickest that the device has.

    Padding (segment 0) sees itself, so that no softmax is empty; what comes of it is never read.
    """
    backend = backend or ("flex" if segment_BL.is_cuda else "split")
    if backend == "flex":
        return _block_mask(segment_BL, causal)
    if backend == "split":
        return _runs(segment_BL, causal)
    mask_BLL = segment_BL[:, :, None] == segment_BL[:, None, :]
    return DenseMask((mask_BLL.tril() if causal else mask_BLL)[:, None])


def attend(q_BLHE: torch.Tensor, k_BLHE: torch.Tensor, v_BLHE: torch.Tensor, mask: Mask) -> torch.Tensor:
    """Softmax attention, scaled by E^-1/2, as (B, L, H, E)."""
    if isinstance(mask, KVCache):
        return mask.attend(q_BLHE, k_BLHE, v_BLHE)
    if isinstance(mask, SplitMask):
        done_BLHE: torch.Tensor = _attend_runs(q_BLHE, k_BLHE, v_BLHE, mask)
        return done_BLHE
    q, k, v = (x.transpose(1, 2) for x in (q_BLHE, k_BLHE, v_BLHE))
    if isinstance(mask, DenseMask):
        return torch.transpose(sdpa(q, k, v, attn_mask=mask.mask_B1LL), 1, 2)
    return torch.transpose(_flex(q)(q, k, v, block_mask=mask), 1, 2)


def _flex(q: torch.Tensor) -> Any:
    """FlexAttention as it is, on a CPU and where a layer is being compiled anyway; else compiled."""
    return _compiled_flex() if q.is_cuda and not torch.compiler.is_compiling() else flex_attention


@cache
def _compiled_flex() -> Any:
    return torch.compile(flex_attention, dynamic=False)


def _block_mask(segment_BL: torch.Tensor, causal: bool) -> BlockMask:
    """FlexAttention's mask from the least and greatest segment of each block, without looking at pairs of tokens.

    Segments follow one another in a row, so two blocks share one just when their ranges meet. That is (L/128)² a row,
    where `create_block_mask` looks at L²; the segments are a tensor that the kernel reads, so that no batch recompiles.
    """
    rows, length = segment_BL.shape
    segment_BL = torch.where(segment_BL == 0, length + 1, segment_BL)  # padding comes last: order rises along the row
    blocks = -(-length // BLOCK)
    padded = torch.nn.functional.pad(segment_BL[:, None], (0, blocks * BLOCK - length), mode="replicate")[:, 0]
    padded_BKT = padded.view(rows, blocks, BLOCK)
    least_BK, greatest_BK = padded_BKT.amin(-1), padded_BKT.amax(-1)
    some_BKK = (least_BK[:, :, None] <= greatest_BK[:, None]) & (least_BK[:, None] <= greatest_BK[:, :, None])
    single_BK = least_BK == greatest_BK
    if length % BLOCK:
        single_BK[:, -1] = False  # the last block is not whole
    full_BKK = some_BKK & single_BK[:, :, None] & single_BK[:, None]
    if causal:
        some_BKK, full_BKK = some_BKK.tril(), full_BKK.tril(-1)

    def same_segment(b: torch.Tensor, h: torch.Tensor, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        same = segment_BL[b, q] == segment_BL[b, k]
        return same & (k <= q) if causal else same

    return BlockMask.from_kv_blocks(
        *_ordered(some_BKK & ~full_BKK),
        *_ordered(full_BKK),
        BLOCK_SIZE=BLOCK,
        mask_mod=same_segment,
        seq_lengths=(length, length),
    )


def _ordered(chosen_BKK: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How many key blocks a query block has, and their indices before all others."""
    order = torch.argsort(chosen_BKK.int(), dim=-1, descending=True, stable=True)
    return chosen_BKK.sum(-1, dtype=torch.int32)[:, None], order.int()[:, None].contiguous()


def _runs(segment_BL: torch.Tensor, causal: bool) -> SplitMask:
    number = segment_BL + torch.arange(len(segment_BL), device=segment_BL.device)[:, None] * (segment_BL.shape[1] + 1)
    _, lengths = torch.unique_consecutive(number.flatten(), return_counts=True)
    kept = segment_BL.flatten()[lengths.cumsum(0) - 1] > 0
    return SplitMask(tuple(zip(lengths.tolist(), kept.tolist(), strict=True)), causal)


# not compiled: each batch is another Python loop
@torch.compiler.disable  # type: ignore[untyped-decorator]
def _attend_runs(q_BLHE: torch.Tensor, k_BLHE: torch.Tensor, v_BLHE: torch.Tensor, mask: SplitMask) -> torch.Tensor:
    lengths = [length for length, _ in mask.runs]
    parts = zip(*(torch.split(x.flatten(0, 1), lengths) for x in (q_BLHE, k_BLHE, v_BLHE)), strict=True)
    done = [
        _attend_run(q, k, v, mask.causal) if kept else torch.zeros_like(q)
        for (q, k, v), (_, kept) in zip(parts, mask.runs, strict=True)
    ]
    return torch.cat(done).view_as(q_BLHE)


def _attend_run(q_THE: torch.Tensor, k_THE: torch.Tensor, v_THE: torch.Tensor, causal: bool) -> torch.Tensor:
    q, k, v = (x.transpose(0, 1)[None] for x in (q_THE, k_THE, v_THE))
    y_HTE: torch.Tensor = sdpa(q, k, v, is_causal=causal)[0]
    return y_HTE.transpose(0, 1)
